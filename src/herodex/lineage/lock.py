"""What `dvc.lock` says of the stages: which code, params and data each was run on, and what came of it."""

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


class StageRecord(TypedDict):
    """One stage: `code` is one hash over all files of code that it names; files are given by DVC's md5."""

    code: str
    params: dict[str, Any]
    libraries: dict[str, str]
    inputs: dict[str, str]
    outputs: dict[str, str]


def read_lock(path: Path = LOCK) -> dict[str, StageRecord]:
    """Read all stages that have been run.

    Raises:
        UserError: there is no such file.
    """
    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
    except FileNotFoundError:
        raise UserError(f"{path} is missing: no stage has been run yet.", "Run `dvc repro`.") from None
    return {name: stage_record(entry) for name, entry in stages.items()}


def stage_record(entry: dict[str, Any]) -> StageRecord:
    """Turn a stage's entry of `dvc.lock` into its record."""
    deps = {dep["path"]: dep["md5"] for dep in entry.get("deps", [])}
    return StageRecord(
        code=fingerprint({path: md5 for path, md5 in deps.items() if path.startswith(CODE)}),
        params=flatten(entry.get("params", {}).get("params.yaml", {})),
        libraries=entry.get("params", {}).get("versions.yaml", {}),
        inputs={path: md5 for path, md5 in sorted(deps.items()) if not path.startswith(CODE)},
        outputs={out["path"]: out["md5"] for out in sorted(entry["outs"], key=lambda out: out["path"])},
    )


def fingerprint(value: object) -> str:
    """The sha256 of a value of JSON, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def cause(record: StageRecord) -> str:
    """The hash of all that a stage's outputs depend on: the same cause has the same outputs."""
    return fingerprint({key: record[key] for key in ("code", "params", "libraries", "inputs")})


def upstream(stages: dict[str, StageRecord], names: Iterable[str]) -> list[str]:
    """These stages and all that they depend on, each after what it depends on.

    Raises:
        UserError: one of them has not been run.
    """
    makers = {path: name for name, record in stages.items() for path in record["outputs"]}
    order: list[str] = []

    def visit(name: str) -> None:
        if name not in stages:
            raise UserError(f"The stage {name} has not been run.", "Run `dvc repro`.")
        for path in stages[name]["inputs"]:
            # A stage may read a single file of what another has written.
            for maker in {
                makers[whole] for whole in (path, *map(str, Path(path).parents)) if whole in makers
            }:
                if maker not in order:
                    visit(maker)
        if name not in order:
            order.append(name)

    for name in names:
        visit(name)
    return order
