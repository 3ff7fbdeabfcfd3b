"""The choice of stages that run at the same time as others."""

from pathlib import Path

from herodex.branches import last_stages, side_branch
from herodex.pipeline_graph import read_graph
from herodex.time_left import REFERENCE_S

PIPELINE = Path(__file__).resolve().parents[2] / "dvc.yaml"
GRAPH = {"a": set[str](), "b": {"a"}, "c": set[str](), "d": {"a", "b", "c"}}


def test_generator_runs_beside_the_classifier():
    graph = read_graph(PIPELINE)
    beside = side_branch(graph, graph, REFERENCE_S)
    assert "pretrain_generator" in beside
    assert "record_lineage" not in beside
    assert not any("image" in stage or "classifier" in stage for stage in beside)
    assert last_stages(graph, beside) == ["evaluate_generator"]


def test_shorter_branch_runs_beside_the_longer_one():
    assert side_branch(GRAPH, GRAPH, {"a": 10, "b": 10, "c": 15}) == {"c"}
    assert side_branch(GRAPH, GRAPH, {"a": 10, "b": 10, "c": 25}) == {"a", "b"}


def test_nothing_runs_beside_a_single_branch_or_a_short_one():
    assert not side_branch(GRAPH, GRAPH, {"a": 10, "b": 10, "c": 5})
    assert not side_branch(GRAPH, {"a", "b"}, {"a": 10, "b": 10})
    assert not side_branch(GRAPH, GRAPH, {"c": 30, "d": 30})
