"""Compare two `dvc.lock` files of the same pipeline, output by output."""

from dataclasses import dataclass
from typing import Any, cast

from herodex.pipeline_graph import overlap

Stages = dict[str, dict[str, Any]]
"""The section `stages` of a `dvc.lock`."""
HASHES = {"md5", "size", "nfiles", "isexec"}
"""What a `dvc.lock` says of the bytes at a path."""


@dataclass(frozen=True)
class Comparison:
    """Outputs of the same code, settings and data on two machines.

    Attributes:
        same: paths of outputs with the same bytes.
        other: paths of outputs with other bytes.
        first: the stages at which the difference starts: same inputs, other outputs.
    """

    same: list[str]
    other: list[str]
    first: set[str]


def compare_locks(committed: Stages, current: Stages) -> Comparison | None:
    """Compare the outputs of all stages; return None if the stages, their code, settings or data differ."""
    if _without_hashes(committed) != _without_hashes(current):
        return None
    outs = {name: _changed(stage, current[name], "outs") for name, stage in committed.items()}
    deps = {name: _changed(stage, current[name], "deps") for name, stage in committed.items()}
    other = {path for paths in outs.values() for path in paths}
    if any(not any(overlap(dep, path) for path in other) for paths in deps.values() for dep in paths):
        return None
    every = {out["path"] for stage in committed.values() for out in stage["outs"]}
    first = {name for name, paths in outs.items() if paths and not deps[name]}
    return Comparison(sorted(every - other), sorted(other), first)


def _without_hashes(stages: Stages) -> Stages:
    """Leave out what depends on the bytes of inputs and outputs."""
    return {name: {key: _paths(value) for key, value in stage.items()} for name, stage in stages.items()}


def _paths(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    entries = cast("list[dict[str, Any]]", value)
    return [{key: each for key, each in entry.items() if key not in HASHES} for entry in entries]


def _changed(committed: dict[str, Any], current: dict[str, Any], kind: str) -> set[str]:
    """Return the paths of a stage's `deps` or `outs` with other hashes."""
    before, now = (
        {entry["path"]: entry["md5"] for entry in stage.get(kind, [])} for stage in (committed, current)
    )
    return {path for path, md5 in before.items() if now[path] != md5}
