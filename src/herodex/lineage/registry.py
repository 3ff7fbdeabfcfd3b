"""Versions of the registered models, and the files that their runs keep in MLflow."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herodex.errors import UserError
from herodex.json_record import parse_json
from herodex.lineage.lock import ModelLineage
from herodex.tracking import Store, connect

if TYPE_CHECKING:
    import mlflow.entities

CHAMPION = "champion"
PREVIOUS = "previous"


@dataclass(frozen=True)
class Version:
    """A version of a registered model: its content hash, the run that made it, and its aliases."""

    name: str
    number: str
    model: str
    run_id: str
    aliases: tuple[str, ...]


def list_versions(name: str) -> list[Version]:
    """List the versions of a registered model; none if MLflow does not know it."""
    with connect() as store:
        # A search for versions leaves their aliases out.
        models: list[Any] = list(store.client.search_registered_models(f"name = '{name}'"))
        aliases = [(alias, str(at)) for model in models for alias, at in sorted(model.aliases.items())]
        return [
            Version(
                name,
                str(version.version),
                version.tags.get("model", ""),
                version.run_id or "",
                tuple(alias for alias, at in aliases if at == str(version.version)),
            )
            for version in store.client.search_model_versions(f"name = '{name}'")
        ]


def by_alias(name: str, alias: str) -> Version | None:
    """Find the version with an alias."""
    return next((version for version in list_versions(name) if alias in version.aliases), None)


def by_content(name: str, model: str) -> Version | None:
    """Find the version with a content hash."""
    return next((version for version in list_versions(name) if version.model == model), None)


def by_number(name: str, number: str) -> Version:
    """Find a version by its number.

    Raises:
        UserError: there is no such version.
    """
    for version in list_versions(name):
        if version.number == number:
            return version
    raise UserError(f"The registered model {name} has no version {number}.", "`make ui` lists the versions.")


def move_alias(version: Version, alias: str) -> None:
    """Give an alias to this version instead of another one."""
    with connect() as store:
        store.client.set_registered_model_alias(version.name, alias, version.number)


def register(store: Store, name: str, model: str, run: "mlflow.entities.Run") -> None:
    """Add a version with this content to the registered model, unless there is one."""
    from mlflow.exceptions import MlflowException

    if by_content(name, model):
        return
    with suppress(MlflowException):
        store.client.create_registered_model(name)
    logged = run.outputs.model_outputs if run.outputs else []
    model_id = logged[0].model_id if logged else None
    source = f"models:/{model_id}" if model_id else f"runs:/{run.info.run_id}/{name}"
    store.client.create_model_version(name, source, run.info.run_id, {"model": model}, model_id=model_id)


def kept_files(store: Store, run_id: str, folder: str = "") -> set[str]:
    """Return the paths of the files and folders that a run keeps in a folder."""
    client: Any = store.client
    return {item.path for item in client.list_artifacts(run_id, folder or None)}


def read_kept(store: Store, run_id: str, path: str) -> str | None:
    """Read a text file that a run keeps; None if there is none."""
    from mlflow.artifacts import load_text

    kept = path in kept_files(store, run_id, os.path.dirname(path))
    return load_text(f"runs:/{run_id}/{path}") if kept else None


def read_report(version: Version, file: str) -> str | None:
    """Read a report of a version's training; None if MLflow has none.

    The evaluation's run keeps all reports of the model, also where DVC restored the training from its cache.
    """
    places = (f"train_{version.name}", file), (f"evaluate_{version.name}", f"{version.name}/{file}")
    with connect() as store:
        for stage, path in places:
            for run in store.search(stage=stage, model=version.model):
                if text := read_kept(store, run.info.run_id, path):
                    return text
    return None


def read_lineage(version: Version) -> ModelLineage:
    """Read the lineage of a version, as `models/lineage.json` has it for the model.

    Raises:
        UserError: its run has none, or it is damaged.
    """
    fix = "Check out its commit and run `dvc repro`."
    with connect() as store:
        text = read_kept(store, version.run_id, "lineage.json")
    if text is None:
        raise UserError(
            f"Run {version.run_id} of {version.name} version {version.number} has no lineage.", fix
        )
    return parse_json(text, f"The lineage of {version.name} version {version.number}", fix)


@contextmanager
def downloaded(version: Version) -> Generator[Path]:
    """Download the files of a version to a folder that exists within the block."""
    with tempfile.TemporaryDirectory() as folder:
        with connect() as store:
            files = Path(store.client.download_artifacts(version.run_id, version.name, folder))
        yield files
