"""The bentos of this machine and the lineage of their models."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.lineage.lock import ModelLineage

COMMIT = "commit.json"
"""The file beside `lineage.json` in a bento that names the commit it was built from."""


@dataclass(frozen=True)
class PackedLineage:
    """A bento's tag, the lineage of its models, and the commit it was built from."""

    tag: str
    lineage: dict[str, ModelLineage]
    commit: str


def list_bentos() -> list[PackedLineage]:
    """List the bentos that contain a lineage, the newest first."""
    import bentoml

    # BentoML exports no type for its bentos.
    found: Any = bentoml.list()
    packed: list[PackedLineage] = []
    for bento in sorted(found, key=lambda bento: bento.info.creation_time, reverse=True):
        models = Path(bento.path) / "src" / paths.MODELS
        if (file := models / paths.LINEAGE.name).exists():
            lineage = json.loads(file.read_text(encoding="utf-8"))
            packed.append(PackedLineage(str(bento.tag), lineage, read_commit(models)))
    return packed


def read_commit(models: Path) -> str:
    """Return the commit that a bento was built from; empty outside a bento."""
    file = models / COMMIT
    return json.loads(file.read_text(encoding="utf-8"))["commit"] if file.exists() else ""
