"""How long each stage took: kept beside the outputs, never in them."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

STAGE_TIMES = Path(".cache") / "stage_times.jsonl"


LOGGING_TIMES = STAGE_TIMES.with_name("logging_times.jsonl")


class StageTime(TypedDict):
    """One run of a stage, in seconds.

    Attributes:
        repro: the `dvc repro` that it was part of, from `repro_key`.
        started: when its process began, since 1970.
        starting: from there to the first line of its `main`: Python and imports.
        running: the rest, to its end.
        cpu: compute over all cores, by the process and its children.
    """

    stage: str
    repro: str
    started: float
    starting: float
    running: float
    cpu: float


@contextmanager
def timed_stage() -> Iterator[None]:
    """Note how long the stage takes that DVC runs in this process; elsewhere, do nothing."""
    if not (stage := os.environ.get("DVC_STAGE")):
        yield
        return
    import psutil

    started, entered = psutil.Process().create_time(), time.time()
    try:
        yield
    finally:
        ended, cpu = time.time(), sum(os.times()[:4])
        STAGE_TIMES.parent.mkdir(parents=True, exist_ok=True)
        entry = StageTime(
            stage=stage,
            repro=repro_key(),
            started=started,
            starting=max(0.0, entered - started),
            running=ended - entered,
            cpu=cpu,
        )
        with STAGE_TIMES.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def repro_key() -> str:
    """What all stages of one `dvc repro` have in common and no other has; empty outside of DVC."""
    import psutil

    for process in psutil.Process().parents():
        try:
            programs = process.cmdline()[:3]
        except psutil.Error:
            continue
        if any(Path(word).name == "dvc" for word in programs):
            return f"{platform.node()}-{process.pid}-{process.create_time():.0f}"
    return ""


@contextmanager
def timed_logging() -> Iterator[None]:
    """Note how long a stage's run took to be logged; outside of DVC, do nothing."""
    started = time.monotonic()
    try:
        yield
    finally:
        if stage := os.environ.get("DVC_STAGE"):
            entry = {"stage": stage, "repro": repro_key(), "seconds": time.monotonic() - started}
            LOGGING_TIMES.parent.mkdir(parents=True, exist_ok=True)
            with LOGGING_TIMES.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


def read_stage_times() -> dict[str, StageTime]:
    """Read the last run of each stage; nothing where none was timed."""
    if not STAGE_TIMES.exists():
        return {}
    lines = STAGE_TIMES.read_text(encoding="utf-8").splitlines()
    entries: list[StageTime] = [json.loads(line) for line in lines]
    return {entry["stage"]: entry for entry in entries}
