"""The registry's side of promotion and packaging: which version is champion, and where its files are."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex.errors import UserError
from herodex.mlflow_log import (
    aliases_of,
    connect,
    find_version,
    reaching,
    read_artifact,
    search,
    set_alias,
    tracking_uri,
    version_of,
)

CHAMPION = "champion"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Registered:
    """A version of a registered model: its content, and the run that made it."""

    name: str
    version: str
    model: str
    run_id: str


def by_alias(name: str, alias: str) -> Registered | None:
    """The version that an alias stands for, or None where it stands for none."""
    client, _ = connect(tracking_uri())
    with reaching(tracking_uri()):
        number = aliases_of(client, name).get(alias)
    return by_number(name, number) if number else None


def by_number(name: str, number: str) -> Registered:
    """A version by its number.

    Raises:
        UserError: there is no such version.
    """
    client, _ = connect(tracking_uri())
    with reaching(tracking_uri()):
        version = version_of(client, name, number)
    if version is None:
        raise UserError(f"The registered model {name} has no version {number}.", "`make ui` lists them.")
    return Registered(name, str(version.version), version.tags["model"], version.run_id or "")


def by_content(name: str, model: str) -> Registered | None:
    """The version whose content hashes to `model`, or None."""
    client, _ = connect(tracking_uri())
    with reaching(tracking_uri()):
        number = find_version(client, name, model)
    return by_number(name, number) if number else None


def move_alias(registered: Registered, alias: str) -> None:
    """Let an alias stand for this version."""
    client, _ = connect(tracking_uri())
    with reaching(tracking_uri()):
        set_alias(client, registered.name, alias, registered.version)


def report_of(registered: Registered, file: str) -> str | None:
    """The text of a report that was kept when a version was measured, or None where there is none."""
    client, experiment = connect(tracking_uri())
    with reaching(tracking_uri()):
        for run in search(client, experiment, stage=f"evaluate_{registered.name}", model=registered.model):
            if text := read_artifact(client, run.info.run_id, f"{registered.name}/{file}"):
                return text
    return None


def lineage_of(registered: Registered) -> dict[str, Any]:
    """The lineage of a version, as `models/lineage.json` has it of the model.

    Raises:
        UserError: the run has none.
    """
    client, _ = connect(tracking_uri())
    with reaching(tracking_uri()):
        text = read_artifact(client, registered.run_id, "lineage.json")
    if text is None:
        raise UserError(
            f"Run {registered.run_id} of {registered.name} version {registered.version} has no lineage.",
            "Run `dvc repro` on its commit.",
        )
    return json.loads(text)


@contextmanager
def files_of(registered: Registered) -> Iterator[Path]:
    """The files of a version, in a folder that is there as long as the block runs."""
    client, _ = connect(tracking_uri())
    with tempfile.TemporaryDirectory() as folder:
        with reaching(tracking_uri()):
            found = client.download_artifacts(registered.run_id, registered.name, folder)
        yield Path(found)
