"""Time two implementations in turn, so that other load affects both."""

import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.bench_record import note


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def print_ratio(
    label: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5
) -> None:
    """Print the speed of `ours` relative to `theirs`: median, minimum and maximum over rounds.

    Each is called once before the rounds, to exclude one-time costs.
    """
    ours()
    theirs()
    ratios = sorted(seconds(theirs) / seconds(ours) for _ in range(rounds))
    median = statistics.median(ratios)
    note(label, ratios)
    sys.stdout.write(f"{label}: {median:.1f}x ({ratios[0]:.1f}-{ratios[-1]:.1f}, {rounds} rounds)\n")
