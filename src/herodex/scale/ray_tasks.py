"""Run shards as tasks on Ray, and explain why it cannot; the only module that imports Ray."""

import contextlib
import logging
import os
import platform
import socket
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from herodex import paths
from herodex.errors import UserError
from herodex.kernels import KERNELS
from herodex.scale.code_versions import code_versions
from herodex.scale.disk_errors import explain_full_disk

log = logging.getLogger(__name__)

S = TypeVar("S")
R = TypeVar("R")

RETRIES = 5
"""How often a shard runs again because its process or node died. A shard that kills them all must end."""
PATIENCE_S = 10
"""How long the head may be unreachable; after a minute Ray would end the process without a message."""
POLL_S = 1
WARN_EVERY_S = 30
SAME_PROJECT = (
    "All nodes need the project folder at the same path, by a network file system, and its environment:"
    " see deploy/ray/README.md."
)

Work = tuple[Callable[[Any], object], Mapping[str, str], Path]
"""The function of a shard, the versions that its result depends on, and a file that all nodes must see."""
Outcome = tuple[object, tuple[str, str] | None]
"""The result of a shard, and the problem and hint of a user's error if there is one."""


@cache
def connect(address: str) -> str:
    """Connect this process to Ray, and return the address of the head.

    Args:
        address: host:port of the head; empty for the one that runs on this machine.

    Raises:
        UserError: nobody answers there, or with another version.
    """
    if "://" in address:
        raise UserError(
            f"Ray's address is {address}; clients of Ray are not supported.",
            "Run the stages on a node of Ray, and give host:port of the head.",
        )
    if address and address != "auto":
        require_reachable(address)
    # Ray sets OMP_NUM_THREADS by a task's CPUs. Kernels must be set before a worker imports NumPy.
    variables = {name: os.environ[name] for name in KERNELS if name in os.environ}
    variables["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    try:
        context: Any = ray.init(
            address=address or "auto",
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": variables},
        )
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise UserError(
            f"Ray{f' at {address}' if address else ''} cannot be used: {first_line(error)}",
            "Start it as in deploy/ray/README.md, on this machine too, with the Python, the Ray and the token"
            " of this environment, or set scale.engine to local.",
        ) from None
    return str(context.address_info["gcs_address"])


def require_reachable(address: str) -> None:
    """Check that something listens at host:port.

    Raises:
        UserError: it does not.
    """
    if not is_reachable(address):
        raise UserError(
            f"Ray at {address} is not reachable.",
            "Set scale.address in params.yaml or RAY_ADDRESS to host:port of a running head, as `ray start"
            " --head` prints it, or scale.engine to local.",
        )


def is_reachable(address: str, timeout_s: float = 3) -> bool:
    """Return whether something listens at host:port."""
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout_s):
        return True
    return False


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().partition("\n")[0]


def run_tasks(
    function: Callable[[S], R], shards: Sequence[S], head: str, label: str, cpus: int
) -> Iterator[R]:
    """Yield the results of a function for all shards, in their order.

    Args:
        function: of one shard.
        shards: one for each task.
        head: the address to watch.
        label: name of the work.
        cpus: of each task.

    Raises:
        UserError: the head is lost, a shard has failed too often, or a node has another environment.
    """
    remote: Any = ray.remote(num_cpus=cpus, max_retries=RETRIES, retry_exceptions=False)(perform)
    with shared_file() as file:
        work = ray.put((function, code_versions(), file))
        tasks = deque(remote.remote(work, shard) for shard in shards)
        while tasks:
            name = f"shard {len(shards) - len(tasks) + 1} of {len(shards)} ({label})"
            yield cast("R", wait_for(tasks.popleft(), head, name, cpus))


@contextlib.contextmanager
def shared_file() -> Generator[Path]:
    """Create a file in the project folder; a node that does not see it has another folder."""
    file = paths.SHARDS.absolute() / f"{platform.node()}-{os.getpid()}.run"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def perform(work: Work, shard: object) -> Outcome:
    """Do the work of one shard on a node; return its result, and the user's error if there is one."""
    function, versions, file = work
    try:
        require_same_project(versions, file)
        with explain_full_disk():
            return function(shard), None
    except UserError as error:
        return None, (error.problem, error.hint)


def require_same_project(versions: Mapping[str, str], file: Path) -> None:
    """Check that this process has the code, the libraries and the folder of the one that has sent the work.

    Raises:
        UserError: it has not.
    """
    own, node = code_versions(), f"Node {ray.util.get_node_ip_address()} of Ray"
    wrong = [
        f"{name} {own.get(name, 'missing')}, not {version}"
        for name, version in versions.items()
        if own.get(name) != version
    ]
    if wrong:
        raise UserError(f"{node} has other versions: {'; '.join(wrong)}.", SAME_PROJECT)
    if not file.exists():
        raise UserError(f"{node} does not see the project folder: {file} is missing there.", SAME_PROJECT)


def wait_for(task: object, head: str, name: str, cpus: int) -> object:
    """Return the result of a task.

    Raises:
        UserError: the task has failed for a reason that the user can change, or the head is lost.
    """
    try:
        result, failure = poll(task, head, cpus)
    except RayTaskError as error:
        if "failed to import" not in str(error):
            raise
        raise UserError(f"A node of Ray cannot import Herodex for {name}.", SAME_PROJECT) from None
    except RayError as error:
        raise UserError(
            f"Ray gave up on {name} after {RETRIES + 1} tries: {first_line(error)}",
            "Look at memory and disk of the nodes, and run again: finished shards are kept.",
        ) from None
    if failure:
        raise UserError(*failure)
    return result


def poll(task: object, head: str, cpus: int) -> Outcome:
    """Wait for what a task returns, as long as the head answers.

    Raises:
        UserError: the head is lost.
    """
    answered = warned = time.monotonic()
    while True:
        with contextlib.suppress(GetTimeoutError):
            return cast("Any", ray).get(task, timeout=POLL_S)
        now = time.monotonic()
        if is_reachable(head):
            answered = now
        elif now - answered > PATIENCE_S:
            raise UserError(
                f"The head of Ray at {head} has not answered for {PATIENCE_S} s.",
                "Start Ray again and repeat the command: finished shards are kept.",
            )
        if now == answered and now - warned > WARN_EVERY_S:
            warned = now
            warn_without_nodes(cpus)


def warn_without_nodes(cpus: int) -> None:
    """Say so if no node could run a task."""
    resources: dict[str, float] = cast("Any", ray).cluster_resources()
    if resources.get("CPU", 0) < cpus:
        log.warning("Ray has no node with a CPU; waiting for one that joins by `ray start --address …`")
