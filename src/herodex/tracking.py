"""Runs of the stages, as the stages see them: written to disk first, then sent to MLflow.

A stage writes what it has to say into a folder of `.cache/runs`, and sends that to MLflow when it ends.
Where MLflow does not answer, the folder stays and is sent with the next run: hours of training never hang
on a server. MLflow itself is imported by `herodex.mlflow_log` alone, once there is something to send.

Runs go to `mlflow.db` beside `params.yaml`, or to the server that MLFLOW_TRACKING_URI names.
Times and run ids live there alone, never in a stage's outputs.
"""

import json
import logging
import shutil
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from herodex import paths
from herodex.params import Section
from herodex.stage_times import repro_key, timed_logging

if TYPE_CHECKING:
    import keras
    import numpy as np

log = logging.getLogger(__name__)

PENDING = paths.PROJECT / ".cache" / "runs"
"""Runs that MLflow has not taken yet, a folder each: `run.json`, and `artifacts` and `model` beside it."""


@dataclass
class Run:
    """One stage's run, which `folder` keeps until MLflow has it."""

    folder: Path
    values: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)

    def metrics(self, values: dict[str, float]) -> None:
        """Log figures of the whole run."""
        self.values |= {name: float(value) for name, value in values.items()}

    def metric_by_epoch(self, name: str, values: Sequence[float]) -> None:
        """Log one figure for each epoch, the first of which is epoch 1."""
        self.curves[name] = [float(value) for value in values]

    def tags(self, values: dict[str, str]) -> None:
        """Tag the run, for example with the hash of the model it made."""
        self.labels |= values

    def artifact(self, path: Path) -> None:
        """Keep a copy of a file, or of a folder's files, with the run."""
        artifacts = self.folder / "artifacts"
        artifacts.mkdir(exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, artifacts / path.name, dirs_exist_ok=True)
        else:
            shutil.copy(path, artifacts)

    def keras_model(self, model: "keras.Model", name: str, example: "np.ndarray") -> None:
        """Log a Keras model with the signature that `example`, a batch of its inputs, shows."""
        import numpy as np

        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        model.save(folder / f"{name}.keras")
        np.save(folder / "example.npy", example)


@contextmanager
def run(stage: str, params: Section) -> Iterator[Run]:
    """Open the run of a stage; at its end it goes to MLflow, and an exception marks it as failed."""
    started = time.time()
    folder = PENDING / f"{stage}-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    current = Run(folder)
    status = "FAILED"
    try:
        yield current
        status = "FINISHED"
    finally:
        with timed_logging():
            write_run(current, stage, flatten(params.model_dump()), status, started)
            send_pending()


def write_run(current: Run, stage: str, params: dict[str, Any], status: str, started: float) -> None:
    """Write `run.json`, with which a run's folder is complete."""
    record = {
        "stage": stage,
        "status": status,
        "started": started,
        "ended": time.time(),
        "repro": repro_key(),
        "params": params,
        "metrics": current.values,
        "curves": current.curves,
        "tags": {"stage": stage, **commit_tags(), **current.labels},
    }
    unfinished = current.folder / "run.json.part"
    unfinished.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.rename(current.folder / "run.json")


def send_pending() -> bool:
    """Send to MLflow what it has not taken yet; returns False, and says what to do, if it does not answer."""
    if not any(PENDING.glob("*/run.json")):
        return True
    from herodex.mlflow_log import UnreachableError, send

    try:
        send(PENDING)
    except UnreachableError as error:
        waiting = len(list(PENDING.glob("*/run.json")))
        log.warning("%s Runs that wait in %s: %d.\n  fix: %s", error.problem, PENDING, waiting, error.hint)
        return False
    return True


def commit_tags() -> dict[str, str]:
    """The commit of the project, and whether tracked files differ from it; nothing outside of git."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "changed_since_commit": str(changed).lower()}


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested mappings into one with dotted keys: {"a": {"b": 1}} → {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
