"""The bentos of this machine and the lineage of their models."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.errors import UserError
from herodex.json_record import read_json
from herodex.lineage.lock import ModelLineage

BUILD_AGAIN = "Build it again with `make bento`, or remove it."
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
            lineage = read_json(file, BUILD_AGAIN)
            packed.append(PackedLineage(str(bento.tag), lineage, read_commit(models)))
    return packed


def bento_folder(tag: str) -> Path:
    """Return the folder of a bento.

    Raises:
        UserError: there is no bento with this tag.
    """
    import bentoml

    try:
        # BentoML exports no type for its bentos.
        found: Any = bentoml.get(tag)
    except (bentoml.exceptions.BentoMLException, ValueError) as error:
        raise UserError(
            f"There is no bento {tag}: {error}", "`bentoml list` lists the bentos; `make bento` builds one."
        ) from None
    return Path(found.path)


def read_commit(models: Path) -> str:
    """Return the commit that a bento was built from; empty outside a bento."""
    file = models / COMMIT
    return read_json(file, BUILD_AGAIN)["commit"] if file.exists() else ""
