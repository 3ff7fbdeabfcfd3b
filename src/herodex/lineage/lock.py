"""Stages as `dvc.lock` records them: code, params, library versions, inputs and outputs."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypedDict

import yaml

from herodex.errors import UserError
from herodex.tracking import flatten

LOCK = Path("dvc.lock")
CODE = ("src/", "crawlers/")

ModelLineage = dict[str, Any]
"""Where one model comes from: an entry of `models/lineage.json`, as `record.describe_model` returns it."""


class StageRecord(TypedDict):
    """One stage as it last ran.

    Attributes:
        code: one hash of all code that the stage depends on.
        params: values from `params.yaml`, by dotted key.
        libraries: locked versions of the libraries that the stage computes with.
        inputs: DVC's md5 of each file and folder that the stage reads.
        outputs: DVC's md5 of each file and folder that the stage writes.
    """

    code: str
    params: dict[str, Any]
    libraries: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]


def read_lock(path: Path = LOCK) -> dict[str, StageRecord]:
    """Read all stages that have run.

    Raises:
        UserError: there is no such file, or it is damaged.
    """
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: no stage has run yet.", "Run `dvc repro`.") from None
    except (UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError):
        raise UserError(
            f"{path} is damaged, for example by a merge.",
            f"Restore it: `git checkout {path}`; then `make run`.",
        ) from None
    return {name: stage_record(entry) for name, entry in stages.items()}


def stage_record(entry: dict[str, Any]) -> StageRecord:
    """Convert a stage's entry of `dvc.lock`."""
    deps = {dep["path"]: dep["md5"] for dep in entry.get("deps", [])}
    params = entry.get("params", {})
    return StageRecord(
        code=fingerprint({path: md5 for path, md5 in deps.items() if path.startswith(CODE)}),
        params=flatten(params.get("params.yaml", {})),
        libraries=params.get("versions.yaml", {}),
        inputs={path: md5 for path, md5 in sorted(deps.items()) if not path.startswith(CODE)},
        outputs={out["path"]: out["md5"] for out in sorted(entry["outs"], key=lambda out: out["path"])},
    )


def library_versions(records: Iterable[StageRecord]) -> list[tuple[str, str]]:
    """List name and version of the libraries of stages; one may have a version for each release of Python."""
    found = {
        (name, version)
        for record in records
        for name, versions in record["libraries"].items()
        for version in versions.split(", ")
    }
    return sorted(found)


def fingerprint(value: object) -> str:
    """Return the sha256 of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cause(record: StageRecord) -> str:
    """Hash everything that a stage's outputs depend on: equal causes give equal outputs."""
    return fingerprint({key: record[key] for key in ("code", "params", "libraries", "inputs")})


def upstream(stages: dict[str, StageRecord], names: Iterable[str]) -> list[str]:
    """List stages and everything that they depend on, in topological order.

    Raises:
        UserError: one of them has not run.
    """
    makers = {path: name for name, record in stages.items() for path in record["outputs"]}
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in stages:
            raise UserError(f"The stage {name} has not run.", "Run `dvc repro`.")
        for path in stages[name]["inputs"]:
            # A stage may read a single file of another stage's output folder.
            for output in (path, *map(str, Path(path).parents)):
                if output in makers and makers[output] not in order:
                    visit(makers[output])
        if name not in order:
            order.append(name)

    for name in names:
        visit(name)
    return order
