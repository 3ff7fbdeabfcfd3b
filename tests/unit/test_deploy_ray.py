"""The description of Ray's nodes on Kubernetes is valid, and fits the lock."""

import re
import tomllib
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from herodex.kernels import KERNELS

PROJECT = Path(__file__).resolve().parents[2]
KUBERNETES = "1.34"
OBJECTS = list(yaml.safe_load_all((PROJECT / "deploy/ray/kuberay.yaml").read_text(encoding="utf-8")))
NODES, *OTHERS = OBJECTS
GROUPS = {"head": NODES["spec"]["headGroupSpec"]} | {
    group["groupName"]: group for group in NODES["spec"]["workerGroupSpecs"]
}


@pytest.mark.parametrize("described", OTHERS, ids=[described["kind"] for described in OTHERS])
def test_manifests_are_valid(described):
    kubernetes_validate.validate(described, KUBERNETES, strict=True)


@pytest.mark.parametrize("group", GROUPS)
def test_pods_of_the_operators_resource_are_valid_and_see_the_same_project(group):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": group}} | GROUPS[group]["template"]
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    (container,) = pod["spec"]["containers"]
    assert container["volumeMounts"][0]["mountPath"] == container["workingDir"]
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] == OTHERS[0]["metadata"]["name"]


def test_head_runs_no_shards():
    assert GROUPS["head"]["rayStartParams"]["num-cpus"] == "0"


def test_version_is_the_locked_one():
    lock = tomllib.loads((PROJECT / "uv.lock").read_text(encoding="utf-8"))
    (locked,) = (package["version"] for package in lock["package"] if package["name"] == "ray")
    assert NODES["spec"]["rayVersion"] == locked


@pytest.mark.parametrize("group", GROUPS)
def test_nodes_start_with_the_variables_of_the_kernels(group):
    by_hand = (PROJECT / "deploy/ray/README.md").read_text(encoding="utf-8")
    (container,) = GROUPS[group]["template"]["spec"]["containers"]
    in_pods = {variable["name"]: variable["value"] for variable in container["env"]}
    for name, value in KERNELS.items():
        assert in_pods[name] == value
        assert re.search(rf"{name}='?{value}'?( |$)", by_hand, re.MULTILINE)
