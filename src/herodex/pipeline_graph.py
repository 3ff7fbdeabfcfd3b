"""The stages of `dvc.yaml`, and which of them each one depends on."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

PIPELINE = Path("dvc.yaml")

Graph = dict[str, set[str]]
"""For each stage, all stages that it depends on, directly or not."""


def read_graph(path: Path = PIPELINE) -> Graph:
    """Read which stages each stage of a `dvc.yaml` depends on."""
    return stage_graph(yaml.safe_load(path.read_text(encoding="utf-8"))["stages"])


def stage_graph(stages: dict[str, dict[str, Any]]) -> Graph:
    """Find which stages each stage depends on, from the paths that they read and write."""
    read = {name: _paths(stage, "deps") for name, stage in stages.items()}
    written = {name: _paths(stage, "outs", "metrics", "plots") for name, stage in stages.items()}
    direct = {
        name: {
            maker for maker, outs in written.items() if any(overlap(one, out) for one in deps for out in outs)
        }
        for name, deps in read.items()
    }
    return {name: _reachable(name, direct) for name in stages}


def _paths(stage: dict[str, Any], *kinds: str) -> list[str]:
    """List the paths of a stage's entries, each a text or a path with options."""
    entries = [entry for kind in kinds for entry in stage.get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _reachable(name: str, direct: Graph) -> set[str]:
    found, new = set[str](), direct[name]
    while new:
        found |= new
        new = {maker for one in new for maker in direct[one]} - found
    return found


def overlap(one: str, other: str) -> bool:
    """Tell whether two paths are the same or one contains the other."""
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def with_needed(graph: Graph, targets: Collection[str]) -> set[str]:
    """Return the targets and all stages that they depend on; without targets, all stages."""
    named = set(targets or graph) & set(graph)
    return named | {needed for target in named for needed in graph[target]}


def with_readers(graph: Graph, changed: Collection[str]) -> set[str]:
    """Return the changed stages and all stages that depend on them."""
    return {name for name, needed in graph.items() if name in changed or needed & set(changed)}
