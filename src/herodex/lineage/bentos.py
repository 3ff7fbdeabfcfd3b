"""The bentos of this machine, by the models that are in them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex import paths

COMMIT = "commit.json"
"""Beside `lineage.json` in a bento: the commit that it was built from."""


@dataclass(frozen=True)
class PackedLineage:
    """What a bento says of its models: their lineage, and the commit it was built from."""

    tag: str
    lineage: dict[str, dict[str, Any]]
    commit: str


def list_bentos() -> list[PackedLineage]:
    """All bentos that know where their models come from, the newest first."""
    import bentoml

    # BentoML speaks of bentos, and of nothing else that it exports with a type.
    found: Any = bentoml.list()
    packed = []
    for bento in sorted(found, key=lambda bento: bento.info.creation_time, reverse=True):
        models = Path(bento.path) / "src" / paths.MODELS
        if (file := models / paths.LINEAGE.name).exists():
            commit = read_commit(models)
            packed.append(PackedLineage(str(bento.tag), json.loads(file.read_text(encoding="utf-8")), commit))
    return packed


def read_commit(models: Path) -> str:
    """The commit that a bento was built from, or nothing outside of one."""
    file = models / COMMIT
    return json.loads(file.read_text(encoding="utf-8"))["commit"] if file.exists() else ""
