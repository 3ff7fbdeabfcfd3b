"""Branches of the pipeline that need nothing of each other, so that they can run at the same time."""

from collections.abc import Collection, Mapping

from herodex.pipeline_graph import Graph

LEAST_S = 10
"""A branch that takes less is not worth a process of its own."""


def side_branch(graph: Graph, stages: Collection[str], seconds: Mapping[str, float]) -> set[str]:
    """Choose the branch that runs beside the others: of two or more that take long, the shortest.

    Stages that need all others come after the branches and belong to none.

    Args:
        graph: the stages that each one depends on.
        stages: those of the run.
        seconds: how long each is expected to take; one that is missing takes none.

    Returns:
        the stages of the branch; empty if the run has a single branch, or one of two takes less than
        `LEAST_S`.
    """
    last = {stage for stage in stages if len(graph[stage] & set(stages)) == len(stages) - 1}
    branches = _connected(graph, set(stages) - last)
    long = [one for one in branches if sum(seconds.get(stage, 0) for stage in one) >= LEAST_S]
    if len(long) < 2:
        return set()
    return min(long, key=lambda one: sum(seconds.get(stage, 0) for stage in one))


def _connected(graph: Graph, stages: set[str]) -> list[set[str]]:
    """Divide stages into sets that depend on nothing of each other."""
    found: list[set[str]] = []
    for stage in sorted(stages):
        one = {stage} | (graph[stage] & stages)
        joined = [other for other in found if other & one]
        found = [other for other in found if not other & one] + [one.union(*joined)]
    return found


def last_stages(graph: Graph, stages: Collection[str]) -> list[str]:
    """Return the stages of a branch that no other one of it depends on."""
    return sorted(stage for stage in stages if not any(stage in graph[other] for other in stages))
