"""Progress of long loops: a bar with rate and ETA in a terminal, log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

try:
    from tqdm import tqdm
except ModuleNotFoundError:  # the extra `serve` does without it
    tqdm = None

log = logging.getLogger(__name__)

T = TypeVar("T")

LINE_EVERY_S = 10


def track(items: Iterable[T], total: int, label: str, unit: str) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done, the rate and the time left."""
    if tqdm is not None and sys.stderr.isatty():
        yield from tqdm(items, total=total, desc=label, unit=f" {unit}")
        return
    started = last = time.monotonic()
    done = 0
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= LINE_EVERY_S:
            last, rate = now, done / (now - started)
            log.info(
                "%s: %d/%d %s, %.1f/s, %.0f s left", label, done, total, unit, rate, (total - done) / rate
            )
    log.info("%s: %d %s in %.1f s", label, done, unit, time.monotonic() - started)
