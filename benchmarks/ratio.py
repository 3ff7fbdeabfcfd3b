"""Times two ways to do the same work in turn, so that a machine's moods hit both."""

import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.bench_record import note


def seconds(work: Callable[[], object]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def print_ratio(
    label: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 5
) -> None:
    """Print how many times as fast `ours` is as `theirs`: the median over rounds, with minimum and maximum.

    Each is called once before the rounds, so that no one-time cost counts.
    """
    ours()
    theirs()
    ratios = sorted(seconds(theirs) / seconds(ours) for _ in range(rounds))
    median = statistics.median(ratios)
    note(label, ratios)
    sys.stdout.write(f"{label}: {median:.1f}x ({ratios[0]:.1f}-{ratios[-1]:.1f}, {rounds} rounds)\n")
