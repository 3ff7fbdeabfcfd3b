"""Runs of the stages in MLflow: the only module that knows it.

Runs go to `mlflow.db` beside `params.yaml`, or to the server that MLFLOW_TRACKING_URI names.
Times and run ids live here alone, never in a stage's outputs.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herodex.errors import UserError
from herodex.params import Section

if TYPE_CHECKING:
    import keras
    import numpy as np

EXPERIMENT = "herodex"
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
MODEL_REQUIREMENTS = ["tensorflow>=2.21,<2.22"]


@dataclass(frozen=True)
class Run:
    """One stage's run. MLflow is imported when the run starts, because that takes seconds."""

    mlflow: Any

    def metrics(self, values: dict[str, float]) -> None:
        """Log figures of the whole run."""
        self.mlflow.log_metrics(values)

    def metric_by_epoch(self, name: str, values: Sequence[float]) -> None:
        """Log one figure for each epoch, the first of which is epoch 1."""
        for epoch, value in enumerate(values, start=1):
            self.mlflow.log_metric(name, value, step=epoch)

    def tags(self, values: dict[str, str]) -> None:
        """Tag the run, for example with the hash of the model it made."""
        self.mlflow.set_tags(values)

    def artifact(self, path: Path) -> None:
        """Keep a copy of a file, or of a folder's files, with the run."""
        if path.is_dir():
            self.mlflow.log_artifacts(str(path), artifact_path=path.name)
        else:
            self.mlflow.log_artifact(str(path))

    def keras_model(self, model: "keras.Model", name: str, example: "np.ndarray") -> None:
        """Log a Keras model with the signature that `example`, a batch of its inputs, shows."""
        signature = self.mlflow.models.infer_signature(example, model(example).numpy())
        self.mlflow.tensorflow.log_model(
            model, name=name, signature=signature, pip_requirements=MODEL_REQUIREMENTS
        )


@contextmanager
def run(stage: str, params: Section) -> Iterator[Run]:
    """Open the MLflow run of a stage and log its params; an exception marks the run as failed.

    Raises:
        UserError: the tracking server or the database cannot be reached.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    import mlflow
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    server = os.environ.get("MLFLOW_TRACKING_URI")
    uri = server or f"sqlite:///{DATABASE.resolve()}"
    try:
        mlflow.set_tracking_uri(uri)
        with _one_at_a_time():
            experiment = mlflow.get_experiment_by_name(EXPERIMENT)
            location = None if server else ARTIFACTS.resolve().as_uri()
            number = (
                experiment.experiment_id if experiment else mlflow.create_experiment(EXPERIMENT, location)
            )
        active = mlflow.start_run(experiment_id=number, run_name=stage)
    except MlflowException as error:
        raise UserError(
            f"MLflow at {uri} does not answer: {str(error).splitlines()[0]}.",
            "Start that server, or unset MLFLOW_TRACKING_URI to keep the runs in mlflow.db; then run again.",
        ) from None
    with active:
        mlflow.set_tag("stage", stage)
        mlflow.log_params(flatten(params.model_dump()))
        yield Run(mlflow)


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one with dotted keys: {"a": {"b": 1}} → {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    # Two processes that create the tables of a fresh database trip over each other.
    with DATABASE.with_suffix(".db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
