"""What Prometheus is told: no label has a value that a client could make up."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

REQUESTS = Counter("herodex_requests", "Answered requests.", ("route", "status"))
REQUEST_SECONDS = Histogram(
    "herodex_request_seconds", "From a request's headers to its answer's end.", ("route",), buckets=SECONDS
)
IN_PROGRESS = Gauge("herodex_requests_in_progress", "Requests under way.", multiprocess_mode="livesum")
REFUSALS = Counter("herodex_refusals", "Requests that were turned away.", ("route", "reason"))
MODEL_SECONDS = Histogram(
    "herodex_model_seconds", "What a model's computation took.", ("model",), buckets=SECONDS
)
BATCH_SIZE = Histogram(
    "herodex_batch_size",
    "Images or names that one computation was for.",
    ("model",),
    buckets=(1, 2, 4, 8, 16),
)
IMAGES = Counter("herodex_images", "Classified images by what was answered.", ("answer",))
QUOTES = Counter("herodex_quotes", "Quotes by where they came from.", ("source",))


@contextlib.contextmanager
def measured(model: str, batch_size: int) -> Iterator[None]:
    """Measure the computation in the block: `batch_size` images or names for `model`."""
    started = time.perf_counter()
    yield
    MODEL_SECONDS.labels(model).observe(time.perf_counter() - started)
    BATCH_SIZE.labels(model).observe(batch_size)


def exposition() -> bytes:
    """All metrics of all workers, in Prometheus's text format.

    BentoML names in PROMETHEUS_MULTIPROC_DIR the folder that its workers share.
    """
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    forget_the_dead(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


def forget_the_dead(folder: Path) -> None:
    """Take requests of workers that were killed out of those under way."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path("/proc", str(pid)).exists():
            mark_process_dead(pid, str(folder))
