"""Independent fits side by side: on as many threads as there are CPUs, or on the nodes of Ray."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from threadpoolctl import threadpool_limits

from herodex.cpus import usable_cpus
from herodex.params import ScaleParams
from herodex.progress import track
from herodex.scale.engine import LOCAL, map_shards

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[T], R], items: Iterable[T], threads: int | None = None) -> Iterator[R]:
    """Call `work` with each item on several threads, and yield the results in the order of the items.

    NumPy and TensorFlow let other threads run while they compute. The results do not depend on the number of
    threads, because each product runs on one.

    Args:
        work: computes a result; it must not change what other calls read.
        items: its arguments.
        threads: their number; by default `usable_cpus`.
    """
    # Each fit limits BLAS on its own and restores the limit at its end, while others still compute.
    with threadpool_limits(1), ThreadPoolExecutor(threads or usable_cpus()) as pool:
        yield from pool.map(work, items)


def independent_fits(
    work: Callable[[T], R],
    items: Sequence[T],
    label: str,
    unit: str | None,
    scale: ScaleParams = LOCAL,
    threads: int | None = None,
) -> Iterator[R]:
    """Call `work` with each item, show the progress, and yield the results in the order of the items.

    Args:
        work: fits and returns a small result; Ray sends it to the nodes once, with all that it refers to.
        items: small values, such as numbers of folds.
        label: name of the work.
        unit: what an item is; None if `work` shows its own progress, as it does on this machine.
        scale: the engine.
        threads: as in `side_by_side`, on this machine.
    """
    if scale.engine == "ray":
        yield from map_shards(partial(_alone, work), items, scale, label)
    else:
        results = side_by_side(work, items, threads)
        yield from track(results, len(items), label, unit) if unit else results


def in_turn(
    work: Callable[[T], R], items: Sequence[T], label: str, scale: ScaleParams = LOCAL
) -> Iterator[R]:
    """Call `work` with each item, one after the other here, as tasks on Ray; arguments as above.

    For work whose libraries use all CPUs of this machine themselves, or whose memory must not add up.
    """
    return (
        map_shards(partial(_alone, work), items, scale, label) if scale.engine == "ray" else map(work, items)
    )


def _alone(work: Callable[[T], R], item: T) -> R:
    with threadpool_limits(1):
        return work(item)
