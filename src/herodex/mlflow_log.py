"""Runs and models in MLflow: the only module that imports it.

The fluent part of MLflow keeps the active run in global state, so this asks by `MlflowClient`, with ids.
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from herodex import paths
from herodex.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = "herodex"
DATABASE = paths.PROJECT / "mlflow.db"
ARTIFACTS = paths.PROJECT / "mlartifacts"
MODEL_REQUIREMENTS = ["tensorflow>=2.21,<2.22"]
PARENT = "mlflow.parentRunId"
LONGEST_VALUE = 5000
"""Characters of a param or a tag."""


class UnreachableError(UserError):
    """MLflow does not answer, or breaks off."""


def metric_name(name: str) -> str:
    """Spell a metric's name as MLflow takes it: what it refuses, as in a class called `c++`, becomes `_`."""
    return re.sub(r"[^\w\-. :/]", "_", name, flags=re.ASCII)


@contextlib.contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn what goes wrong between here and MLflow into an UnreachableError."""
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise UnreachableError(
            f"MLflow at {uri} does not answer: {reason}.",
            "Start that server, or unset MLFLOW_TRACKING_URI to use mlflow.db; then `herodex send`, "
            "or the next run, sends what waits.",
        ) from None


def tracking_uri() -> str:
    """Where runs go."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.resolve()}"


@cache
def connect(uri: str) -> "tuple[MlflowClient, str]":
    """Open MLflow at `uri`; returns a client and the id of the experiment, made if it is not there yet.

    Raises:
        UnreachableError: it does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # MLflow shows bars and links on the terminal of whoever waits for a stage.
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with reaching(uri):
        mlflow.set_tracking_uri(uri)
        # The client makes the tables where there are none yet.
        with _one_at_a_time(DATABASE.with_suffix(".db.lock")):
            client = mlflow.MlflowClient(uri)
            experiment = client.get_experiment_by_name(EXPERIMENT)
            # MLflow would else put them where the first process stood.
            location = ARTIFACTS.resolve().as_uri() if uri.startswith("sqlite:") else None
            number = (
                experiment.experiment_id if experiment else client.create_experiment(EXPERIMENT, location)
            )
    return client, number


def send(pending: Path) -> None:
    """Log each complete run under `pending`, and remove its folder.

    Raises:
        UnreachableError: MLflow does not answer; folders that it has not taken stay.
    """
    uri = tracking_uri()
    client, experiment = connect(uri)
    with reaching(uri), _one_at_a_time(pending / ".lock"):
        for file in sorted(pending.glob("*/run.json"), key=lambda file: file.stat().st_mtime):
            _send_one(client, experiment, file.parent)
            shutil.rmtree(file.parent)


def _send_one(client: "MlflowClient", experiment: str, folder: Path) -> None:
    from mlflow import models, start_run, tensorflow  # pyright: ignore[reportPrivateImportUsage]

    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    tags = dict(record["tags"])
    if record["repro"]:
        tags[PARENT] = parent_run(client, experiment, record["repro"], record["started"])
    # What broke off on its way here is logged anew: its folder is still there.
    for broken in search(client, experiment, sent_from=folder.name):
        client.delete_run(broken.info.run_id)
    run_id = create_run(client, experiment, record, {**tags, "sent_from": folder.name})
    if (artifacts := folder / "artifacts").is_dir():
        client.log_artifacts(run_id, str(artifacts))
    for model in (folder / "model").glob("*.keras"):
        import keras

        network: Any = keras.models.load_model(model)
        example = np.load(folder / "model" / "example.npy")
        with start_run(run_id=run_id):
            signature = models.infer_signature(example, network(example).numpy())
            tensorflow.log_model(
                network, name=model.stem, signature=signature, pip_requirements=MODEL_REQUIREMENTS
            )
    finish(client, run_id, record["status"], record["ended"])


def create_run(client: "MlflowClient", experiment: str, record: dict[str, Any], tags: dict[str, str]) -> str:
    """Make a run with the params, metrics and curves of a record; returns its id. It is not ended yet."""
    from mlflow.entities import Metric, Param

    started, ended = int(record["started"] * 1000), int(record["ended"] * 1000)
    run = client.create_run(experiment, started, tags, record["stage"])
    points = [Metric(metric_name(name), value, ended, 0) for name, value in record["metrics"].items()]
    points += [
        Metric(metric_name(name), value, ended, epoch)
        for name, values in record["curves"].items()
        for epoch, value in enumerate(values, start=1)
    ]
    params = [Param(name, str(value)[:LONGEST_VALUE]) for name, value in record["params"].items()]
    for start in range(0, max(len(points), len(params)), 100):
        client.log_batch(
            run.info.run_id, metrics=points[start : start + 100], params=params[start : start + 100]
        )
    return run.info.run_id


def finish(client: "MlflowClient", run_id: str, status: str, ended: float) -> None:
    """End a run, and its parent with it: the parent has failed if any of its stages has."""
    client.set_terminated(run_id, status, int(ended * 1000))
    parent = client.get_run(run_id).data.tags.get(PARENT)
    if parent:
        failed = "FAILED" in (status, client.get_run(parent).info.status)
        client.set_terminated(parent, "FAILED" if failed else "FINISHED", int(ended * 1000))


def parent_run(client: "MlflowClient", experiment: str, repro: str, started: float) -> str:
    """The id of the run that stands for one `dvc repro`; made if it is not there yet."""
    if found := search(client, experiment, repro=repro, stage="repro"):
        return found[0].info.run_id
    name = os.environ.get("DVC_EXP_NAME") or "repro"
    tags = {"repro": repro, "stage": "repro"}
    return client.create_run(experiment, int(started * 1000), tags, name).info.run_id


def search(client: "MlflowClient", experiment: str, **tags: str) -> "list[Run]":
    """The runs that have all these tags, the newest first."""
    condition = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return list(client.search_runs([experiment], condition, order_by=["attributes.start_time DESC"]))


@contextlib.contextmanager
def _one_at_a_time(file: Path) -> Iterator[None]:
    # Two processes that create the tables of a fresh database, or send the same run, trip over each other.
    with file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def log_datasets(client: "MlflowClient", run_id: str, datasets: dict[str, str]) -> None:
    """Note with a run what it read: files and folders of the project by DVC's md5."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = [
        DatasetInput(
            Dataset(path, md5, "local", json.dumps({"uri": path})), [InputTag("mlflow.data.context", "input")]
        )
        for path, md5 in datasets.items()
    ]
    client.log_inputs(run_id, inputs)


def ensure_version(client: "MlflowClient", name: str, model: str, run: "Run") -> str:
    """The version of the registered model with this content, made from `run` if need be."""
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):
        client.create_registered_model(name)
    if version := find_version(client, name, model):
        return version
    logged = run.outputs.model_outputs if run.outputs else []
    model_id = logged[0].model_id if logged else None
    source = f"models:/{model_id}" if model_id else f"runs:/{run.info.run_id}/{name}"
    made = client.create_model_version(name, source, run.info.run_id, {"model": model}, model_id=model_id)
    return str(made.version)


def find_version(client: "MlflowClient", name: str, model: str) -> str | None:
    """The version of a registered model with this content."""
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get("model") == model:
            return str(version.version)
    return None


def tracked_runs() -> "list[Run]":
    """All runs, the newest first.

    Raises:
        UnreachableError: MLflow does not answer.
    """
    uri = tracking_uri()
    client, experiment = connect(uri)
    with reaching(uri):
        return list(client.search_runs([experiment], max_results=5000))


def tracked_lineages(runs: "list[Run]") -> list[dict[str, Any]]:
    """The lineage that MLflow keeps with the training runs of `runs`, one for each model."""
    client, _ = connect(tracking_uri())
    found: dict[str, dict[str, Any]] = {}
    with reaching(tracking_uri()):
        for run in runs:
            stage, model = run.data.tags.get("stage", ""), run.data.tags.get("model")
            if not model or model in found or not stage.startswith("train_"):
                continue
            if described := read_artifact(client, run.info.run_id, "lineage.json"):
                found[model] = {stage.removeprefix("train_"): json.loads(described)}
    return list(found.values())


def read_artifact(client: "MlflowClient", run_id: str, path: str) -> str | None:
    """The text of a file that a run keeps, or None where there is none."""
    if path not in {item.path for item in client.list_artifacts(run_id, os.path.dirname(path) or None)}:
        return None
    with tempfile.TemporaryDirectory() as folder:
        return Path(client.download_artifacts(run_id, path, folder)).read_text(encoding="utf-8")


def tracked_versions(names: Iterable[str]) -> dict[str, list[str]]:
    """How the registry words each model of these names, by its content: `classifier version 3, champion`."""
    uri = tracking_uri()
    client, _ = connect(uri)
    worded: dict[str, list[str]] = {}
    with reaching(uri):
        for name in names:
            # The search leaves the aliases out.
            aliases = aliases_of(client, name)
            for version in client.search_model_versions(f"name = '{name}'"):
                called = sorted(alias for alias, at in aliases.items() if at == str(version.version))
                text = ", ".join([f"registered model {name}, version {version.version}", *called])
                worded.setdefault(version.tags.get("model", ""), []).append(text)
    return worded


def aliases_of(client: "MlflowClient", name: str) -> dict[str, str]:
    """Which version each alias of a registered model stands for; empty where there is no such model."""
    found = client.search_registered_models(f"name = '{name}'")
    return {alias: str(version) for model in found for alias, version in model.aliases.items()}


def version_of(client: "MlflowClient", name: str, number: str) -> "ModelVersion | None":
    """A version of a registered model by its number, or None."""
    found = client.search_model_versions(f"name = '{name}'")
    return next((version for version in found if str(version.version) == number), None)


def set_alias(client: "MlflowClient", name: str, alias: str, version: str) -> None:
    """Let an alias of a registered model stand for a version."""
    client.set_registered_model_alias(name, alias, version)


def kept(client: "MlflowClient", run: "Run") -> set[str]:
    """The names of the files and folders that a run keeps."""
    return {item.path for item in client.list_artifacts(run.info.run_id)}


def set_tags(client: "MlflowClient", run_id: str, tags: dict[str, str]) -> None:
    """Tag a run, in one request."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])
