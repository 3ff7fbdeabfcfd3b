"""Prometheus metrics; no label has a value that a client could make up."""

import contextlib
import logging
import os
import time
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import cast

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    generate_latest,
    multiprocess,
    values,
)

log = logging.getLogger(__name__)

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable with the folder that BentoML's workers share for their metrics."""
FILES = ("counter", "gauge_livesum", "histogram")
"""Files of a worker in that folder, by the metrics' types and modes."""
FILE_BYTES = 2**18
"""Several times the space for all labels."""


def reserve_space(folder: Path) -> bool:
    """Create this worker's metric files with their space; return False if the disk has too little.

    The client library maps files of holes into memory, and a process that writes to a hole of a full disk is
    killed by SIGBUS.
    """
    files = [folder / f"{name}_{os.getpid()}.db" for name in FILES]
    try:
        for path in files:
            with path.open("a+b") as file:
                os.posix_fallocate(file.fileno(), 0, FILE_BYTES)
    except OSError:
        for path in files:
            path.unlink(missing_ok=True)
        return False
    return True


def use_memory_if_disk_is_full() -> None:
    """Keep this worker's metrics in its memory if their folder has no space."""
    folder = os.environ.get(FOLDER)
    if folder is None or reserve_space(Path(folder)):
        return
    log.error("%s has no space left: /metrics shows this worker's metrics only if it answers itself", folder)
    del os.environ[FOLDER]
    values.ValueClass = values.MutexValue


use_memory_if_disk_is_full()

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

REQUESTS = Counter("herodex_requests", "Answered requests.", ("route", "status"))
REQUEST_SECONDS = Histogram(
    "herodex_request_seconds",
    "Time from a request's headers to the end of its response.",
    ("route",),
    buckets=SECONDS,
)
IN_PROGRESS = Gauge("herodex_requests_in_progress", "Requests in progress.", multiprocess_mode="livesum")
REFUSALS = Counter("herodex_refusals", "Refused requests.", ("route", "reason"))
MODEL_SECONDS = Histogram("herodex_model_seconds", "Time of an inference.", ("model",), buckets=SECONDS)
BATCH_SIZE = Histogram(
    "herodex_batch_size",
    "Images or names per inference.",
    ("model",),
    buckets=(1, 2, 4, 8, 16),
)
IMAGES = Counter("herodex_images", "Classified images by answer.", ("answer",))
OOD_RANK = Histogram(
    "herodex_ood_rank",
    "Share of the classes' training images with a lower OOD score, for each classified image.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
)
QUOTES = Counter("herodex_quotes", "Quotes by source.", ("source",))


@contextlib.contextmanager
def timed_inference(model: str, batch_size: int) -> Generator[None]:
    """Record the duration and the batch size of an inference, also if it fails."""
    started = time.perf_counter()
    try:
        yield
    finally:
        MODEL_SECONDS.labels(model).observe(time.perf_counter() - started)
        BATCH_SIZE.labels(model).observe(batch_size)


def exposition() -> bytes:
    """Write the metrics of all workers in Prometheus's text format.

    BentoML sets the folder that its workers share.
    """
    folder = os.environ.get(FOLDER)
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    LiveWorkers(registry, Path(folder))
    return generate_latest(registry)


class LiveWorkers(multiprocess.MultiProcessCollector):
    """Collector of the metrics of all workers, read from their folder at each collection."""

    def __init__(self, registry: CollectorRegistry, folder: Path) -> None:
        self._folder = folder
        super().__init__(registry, str(folder))

    def collect(self) -> Iterable[Metric]:
        """Read the metrics, without the requests in progress of workers that have died."""
        remove_dead_workers(self._folder)
        return cast(Iterable[Metric], super().collect())


def remove_dead_workers(folder: Path) -> None:
    """Remove requests of killed workers from the requests in progress."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path("/proc", str(pid)).exists():
            multiprocess.mark_process_dead(pid, str(folder))  # pyright: ignore[reportUnknownMemberType]
