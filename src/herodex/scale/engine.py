"""Map a function over the shards of a stage, on this machine or on the nodes of Ray."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from herodex.errors import UserError
from herodex.params import ScaleParams
from herodex.progress import track
from herodex.scale.disk_errors import explain_full_disk

S = TypeVar("S")
R = TypeVar("R")

LOCAL = ScaleParams()
"""The engine of callers that name none."""
CPUS_PER_TASK = 1
"""CPUs of a shard's task on Ray; a node with more runs more tasks."""
RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Under `uv run`, Ray would build an environment for each task.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
"""Read when Ray is imported."""
BUCKET_ACCESS = "AWS_"
"""Start of the variables with which tasks read shards in a bucket. They go with the tasks, because Ray shows
the environment of its workers to whoever asks."""


def map_shards(
    function: Callable[[S], R],
    shards: Sequence[S],
    scale: ScaleParams,
    label: str,
    threads: int | None = None,
) -> Iterator[R]:
    """Yield the results of a function for all shards, in their order, and show the progress.

    On Ray, a shard is a task that runs again elsewhere if its process or node dies. So the function depends
    on nothing but the shard, names files by absolute paths, and may run twice for one shard.

    Args:
        function: of one shard; a function of an imported module (not of the one that `python -m` runs) or a
            partial of one, because nodes import it by its name.
        shards: small values that can be pickled, such as the settings of independent fits.
        scale: the engine.
        label: name of the work.
        threads: shards at a time on this machine; None for the number that suits its CPUs.

    Raises:
        UserError: a disk is full, or Ray or one of its nodes cannot do the work.
    """
    if not shards:
        return
    run = _map_on_ray if scale.engine == "ray" else _map_on_threads
    yield from track(run(function, shards, scale, label, threads), len(shards), label, "shards")


def _map_on_threads(
    function: Callable[[S], R], shards: Sequence[S], _scale: ScaleParams, _label: str, threads: int | None
) -> Iterator[R]:
    with ThreadPoolExecutor(threads) as pool:
        try:
            with explain_full_disk():
                yield from pool.map(function, shards)
        finally:
            # After an error, the shards that have not started would only delay the message.
            pool.shutdown(cancel_futures=True)


def _map_on_ray(
    function: Callable[[S], R], shards: Sequence[S], scale: ScaleParams, label: str, _threads: int | None
) -> Iterator[R]:
    os.environ.update(RAY_ENVIRONMENT)
    try:
        from herodex.scale import ray_tasks
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise UserError(
            "scale.engine in params.yaml is ray, and Ray is not installed.",
            'Run `HERODEX_EXTRAS="--extra scale" make setup`, or set scale.engine to local.',
        ) from None
    head = ray_tasks.connect(os.environ.get("RAY_ADDRESS") or scale.address)
    if access := {name: value for name, value in os.environ.items() if name.startswith(BUCKET_ACCESS)}:
        function = partial(_with_environment, access, function)
    yield from ray_tasks.run_tasks(function, shards, head, label, CPUS_PER_TASK)


def _with_environment(variables: Mapping[str, str], function: Callable[[S], R], shard: S) -> R:
    os.environ.update(variables)
    return function(shard)


def threads_per_shard(scale: ScaleParams) -> int | None:
    """Return the threads that a shard may use: the CPUs of its task on Ray; None for all CPUs."""
    return CPUS_PER_TASK if scale.engine == "ray" else None
