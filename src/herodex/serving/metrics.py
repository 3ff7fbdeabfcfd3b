"""Prometheus metrics; no label has a value that a client could make up."""

import contextlib
import os
import time
from collections.abc import Generator
from pathlib import Path

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

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

    BentoML sets PROMETHEUS_MULTIPROC_DIR to a folder that its workers share.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    remove_dead_workers(Path(folder))
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry)


def remove_dead_workers(folder: Path) -> None:
    """Remove requests of killed workers from the requests in progress."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path("/proc", str(pid)).exists():
            multiprocess.mark_process_dead(pid, str(folder))  # pyright: ignore[reportUnknownMemberType]
