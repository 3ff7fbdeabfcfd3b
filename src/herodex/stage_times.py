"""Seconds that stages take, kept beside their outputs, never in them."""

import json
import os
import platform
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypedDict

import psutil

TIMES = Path(".cache") / "times.jsonl"
REPRO = {"dvc", "herodex.repro"}
"""The programs that run stages."""
Part = Literal["stage", "logging"]


class StageTime(TypedDict):
    """Seconds of one run of a stage, or of the part of it that logs to MLflow."""

    part: Part
    stage: str
    repro: str
    started: float  # the process, since 1970
    starting: float  # from there to the part: Python and imports
    running: float
    cpu: float  # of the process and its children so far, over all cores


@contextmanager
def timed(part: Part) -> Generator[None]:
    """Record how long a part of a DVC stage takes; outside DVC or after an error, do nothing."""
    started, entered = psutil.Process().create_time(), time.time()
    yield
    if stage := os.environ.get("DVC_STAGE"):
        entry = {"part": part, "stage": stage, "repro": repro_key(), "started": started}
        entry |= {"starting": max(0.0, entered - started), "running": time.time() - entered}
        TIMES.parent.mkdir(parents=True, exist_ok=True)
        with TIMES.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**entry, "cpu": sum(os.times()[:4])}) + "\n")


def repro_key() -> str:
    """Identify the `dvc repro` that this process is part of; empty outside DVC.

    A run of the pipeline may start another for some of its stages: then it is the outer one.
    """
    key = ""
    for process in psutil.Process().parents():
        with suppress(psutil.Error):
            if any(Path(word).name in REPRO for word in process.cmdline()[:3]):
                key = f"{platform.node()}-{process.pid}-{process.create_time():.0f}"
    return key


def read_times(part: Part) -> list[StageTime]:
    """Read all recorded times of a part, the oldest first."""
    lines = TIMES.read_text(encoding="utf-8").splitlines() if TIMES.exists() else []
    entries: list[StageTime] = [json.loads(line) for line in lines]
    return [entry for entry in entries if entry["part"] == part]
