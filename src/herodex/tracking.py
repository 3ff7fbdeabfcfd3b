"""Runs of the stages, written to disk first and then sent to MLflow.

A run is a folder of `.cache/runs` until MLflow has taken it, so a server that does not answer costs neither
the run nor the stage. MLflow takes seconds to import, so only functions that talk to it do. They name the run
in each call: MLflow's fluent functions would keep the active one in global state.
"""

import fcntl
import json
import logging
import os
import re
import shutil
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from herodex import paths
from herodex.errors import UserError
from herodex.params import Section
from herodex.stage_times import repro_key, timed

if TYPE_CHECKING:
    import keras
    import mlflow
    import mlflow.entities

log = logging.getLogger(__name__)

PENDING = paths.PROJECT / ".cache" / "runs"
"""Runs that wait for MLflow, a folder each: `run.json`, with `artifacts` and `model` beside it."""
DATABASE = paths.PROJECT / "mlflow.db"
ARTIFACTS = paths.PROJECT / "mlartifacts"
EXPERIMENT = "herodex"
PATHS_IN_DATABASE = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "logged_models": ("artifact_location",),
    "model_versions": ("source", "storage_location"),
}
"""Columns of MLflow's database that hold absolute paths of artifacts."""
KIND = {"mlflow.experimentKind": "custom_model_development"}
"""A tag that makes MLflow's page show training runs first; without it, the page asks for the kind."""
PARENT = "mlflow.parentRunId"
COMMIT, CHANGED = "mlflow.source.git.commit", "changed_since_commit"
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Environment variables for MLflow, unless they are set."""


class UnreachableError(UserError):
    """MLflow does not answer, or the connection breaks off."""


@dataclass
class Run:
    """One stage's run, kept in `folder` until MLflow has it."""

    folder: Path
    labels: dict[str, str]
    points: list[tuple[str, float, int]] = field(default_factory=list[tuple[str, float, int]])

    def metrics(self, values: dict[str, float]) -> None:
        """Log metrics of the whole run."""
        self.points += [(name, float(value), 0) for name, value in values.items()]

    def metric_by_epoch(self, name: str, values: Sequence[float]) -> None:
        """Log a metric for each epoch, counted from 1."""
        self.points += [(name, float(value), epoch) for epoch, value in enumerate(values, start=1)]

    def tags(self, values: dict[str, str]) -> None:
        """Tag the run, for example with the hash of its model."""
        self.labels |= values

    def artifact(self, path: Path) -> None:
        """Keep a copy of a file or folder with the run."""
        target = self.folder / "artifacts" / path.name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copy)(path, target)

    def keras_model(self, model: "keras.Model", name: str, example: np.ndarray) -> None:
        """Log a Keras model; its signature comes from a batch of example inputs."""
        (self.folder / "model").mkdir(exist_ok=True)
        cast(Any, model).save(self.folder / "model" / f"{name}.keras")
        np.save(self.folder / "model" / "example.npy", example)


@contextmanager
def run(stage: str, params: Section) -> Generator[Run]:
    """Open the run of a stage, and send it at the end; an exception marks it as failed."""
    current = Run(PENDING / f"{stage}-{uuid.uuid4().hex}", {"stage": stage, **commit_tags()})
    current.folder.mkdir(parents=True)
    record = {"stage": stage, "status": "FAILED", "started": time.time(), "repro": repro_key()}
    record |= {"params": flatten(params.model_dump()), "metrics": current.points, "tags": current.labels}
    try:
        yield current
        record["status"] = "FINISHED"
    finally:
        with timed("logging"):
            text = json.dumps({**record, "ended": time.time()}, indent=2, ensure_ascii=False)
            # A folder with `run.json` is complete and may be sent.
            unfinished = current.folder / "run.json.part"
            unfinished.write_text(text + "\n", encoding="utf-8")
            unfinished.rename(current.folder / "run.json")
            send_pending()


def send_pending() -> bool:
    """Send waiting runs to MLflow; if it does not answer, log a warning and return False."""
    if not any(PENDING.glob("*/run.json")):
        return True
    try:
        with connect() as store, _locked(PENDING / ".lock"):
            for file in sorted(PENDING.glob("*/run.json"), key=lambda file: file.stat().st_mtime):
                _send(store, file.parent)
                shutil.rmtree(file.parent)
    except UnreachableError as error:
        waiting = len(list(PENDING.glob("*/run.json")))
        log.warning("%s %d runs wait in %s.\n  fix: %s", error.problem, waiting, PENDING, error.hint)
        return False
    return True


def _send(store: "Store", folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    tags = {**record["tags"], "sent_from": folder.name}
    if record["repro"]:
        tags[PARENT] = store.parent_run(record["repro"], record["started"], record["tags"])
    # An earlier attempt that broke off has left an incomplete run.
    for broken in store.search(sent_from=folder.name):
        store.client.delete_run(broken.info.run_id)
    run_id = store.create_run(record, tags)
    if (artifacts := folder / "artifacts").is_dir():
        store.client.log_artifacts(run_id, str(artifacts))
    for file in (folder / "model").glob("*.keras"):
        _log_keras_model(run_id, file)
    store.finish(run_id, record["status"], record["ended"])


def _log_keras_model(run_id: str, file: Path) -> None:
    import keras
    import mlflow

    untyped = cast(Any, mlflow)
    network, example = keras.models.load_model(file), np.load(file.with_name("example.npy"))
    signature = untyped.models.infer_signature(example, network(example).numpy())
    needs = ["tensorflow>=2.21,<2.22"]
    with mlflow.start_run(run_id=run_id):
        untyped.tensorflow.log_model(network, name=file.stem, signature=signature, pip_requirements=needs)


class Store(NamedTuple):
    """An open connection to MLflow: a client, and the id of the experiment."""

    client: "mlflow.MlflowClient"
    experiment: str

    def create_run(self, record: dict[str, Any], tags: dict[str, str]) -> str:
        """Create a run with the params and metrics of a record; return its id. `finish` ends it."""
        from mlflow.entities import Metric, Param

        started, ended = int(record["started"] * 1000), int(record["ended"] * 1000)
        run_id = self.client.create_run(self.experiment, started, tags, record["stage"]).info.run_id
        params = [Param(name, str(value)) for name, value in record["params"].items()]
        # MLflow refuses some characters, as in a class called `c++`.
        allowed = (
            (re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII), *at) for name, *at in record["metrics"]
        )
        metrics = [Metric(name, value, ended, step) for name, value, step in allowed]
        self.client.log_batch(run_id, metrics, params)
        return run_id

    def finish(self, run_id: str, status: str, ended: float) -> None:
        """End a run and its parent; the parent has failed if one of its stages has."""
        self.client.set_terminated(run_id, status, int(ended * 1000))
        if parent := self.client.get_run(run_id).data.tags.get(PARENT):
            failed = "FAILED" in (status, self.client.get_run(parent).info.status)
            self.client.set_terminated(parent, "FAILED" if failed else "FINISHED", int(ended * 1000))

    def parent_run(self, repro: str, started: float, commit: Mapping[str, str]) -> str:
        """Return the id of the run for one `dvc repro`; create it if it is missing.

        Args:
            repro: the key of the `dvc repro`.
            started: seconds since 1970.
            commit: from `commit_tags`.
        """
        tags = {"repro": repro, "stage": "repro"}
        if found := self.search(**tags):
            return found[0].info.run_id
        name = os.environ.get("DVC_EXP_NAME") or commit_name(commit)
        tags |= {tag: commit[tag] for tag in (COMMIT, CHANGED) if tag in commit}
        return self.client.create_run(self.experiment, int(started * 1000), tags, name).info.run_id

    def log_metrics(self, run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics of a run, in one request."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(run_id, [Metric(name, value, now, 0) for name, value in metrics.items()])

    def set_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Tag a run, in one request."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def search(self, **tags: str) -> list["mlflow.entities.Run"]:
        """Return the runs that have all these tags, the newest first."""
        condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
        newest = ["attributes.start_time DESC"]
        return list(self.client.search_runs([self.experiment], condition, order_by=newest))


@contextmanager
def connect() -> Generator[Store]:
    """Connect to MLflow at MLFLOW_TRACKING_URI or in mlflow.db.

    Raises:
        UnreachableError: MLflow does not answer, now or within the block.
    """
    os.environ.update({**SETTINGS, **os.environ})
    import mlflow
    import requests
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    own = f"sqlite:///{DATABASE.resolve()}"
    uri = os.environ.get("MLFLOW_TRACKING_URI") or own
    # MLflow's default location depends on the folder of the process that comes first.
    location = ARTIFACTS.resolve().as_uri() if uri.startswith("sqlite:") else None
    try:
        mlflow.set_tracking_uri(uri)
        # A new client creates missing tables, which fails in two processes at once.
        with _locked(DATABASE.with_suffix(".db.lock")):
            if location and uri == own:
                relocate(DATABASE, location)
            client = mlflow.MlflowClient(uri)
            found = client.get_experiment_by_name(EXPERIMENT)
            experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT, location)
            if not (found and KIND.keys() <= found.tags.keys()):
                for tag, value in KIND.items():
                    client.set_experiment_tag(experiment, tag, value)
        yield Store(client, experiment)
    except (
        mlflow.MlflowException,
        SQLAlchemyError,
        sqlite3.Error,
        requests.RequestException,
        OSError,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        hint = "Start that server, or unset MLFLOW_TRACKING_URI to use mlflow.db; then run `herodex send`."
        raise UnreachableError(f"MLflow at {uri} does not answer: {reason}.", hint) from None


def relocate(database: Path, location: str) -> None:
    """Point a database at the artifacts beside it, after the project was moved or copied.

    MLflow stores absolute paths of artifacts, and would go on reading and writing at the earlier place.
    """
    if not database.exists():
        return
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        tables = {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if "experiments" not in tables:
            return
        named = "SELECT artifact_location FROM experiments WHERE name = ?"
        row = connection.execute(named, (EXPERIMENT,)).fetchone()
        if row is None or row[0] == location:
            return
        log.info(
            "the project has moved: artifacts of MLflow are in %s now, no longer in %s", location, row[0]
        )
        for table, columns in PATHS_IN_DATABASE.items():
            there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
            for column in there.intersection(columns):
                connection.execute(
                    f"UPDATE {table} SET {column} = ?1 || substr({column}, length(?2) + 1) "  # noqa: S608 # no outside text
                    f"WHERE {column} = ?2 OR substr({column}, 1, length(?2) + 1) = ?2 || '/'",
                    (location, row[0]),
                )


@contextmanager
def _locked(file: Path) -> Generator[None]:
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def commit_tags() -> dict[str, str]:
    """Return the project's commit and whether tracked files differ from it; nothing outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    commit, _, changed = done.stdout.strip().partition("-")
    return {COMMIT: commit, CHANGED: str(bool(changed)).lower()}


def commit_name(commit: Mapping[str, str]) -> str:
    """Name a run by the date and hash of its commit: 2026-11-28 9025fe8, with `+` for a changed project.

    Outside git it is called `repro`.

    Args:
        commit: from `commit_tags`.
    """
    if COMMIT not in commit:
        return "repro"
    # The committer's own date, so that the name does not depend on the time zone.
    command = ["git", "show", "--no-patch", "--format=%cs", commit[COMMIT], "--"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    changed = "+" if commit.get(CHANGED) == "true" else ""
    return f"{done.stdout.strip()} {commit[COMMIT][:7]}{changed}".strip()


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings to dotted keys: {"a": {"b": 1}} → {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        nested = flatten(cast(dict[str, Any], value), f"{prefix}{key}.") if isinstance(value, dict) else None
        flat |= {f"{prefix}{key}": value} if nested is None else nested
    return flat
