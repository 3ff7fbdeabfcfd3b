"""Independent fits side by side, on as many threads as there are CPUs."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from herodex.cpus import usable_cpus

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
