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
from typing import Any, NamedTuple, TypeVar, cast

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

SAME_KERNELS = (
    "Start Ray on every node with the variables that deploy/ray/README.md names, or on none of them."
)


class Work(NamedTuple):
    """The work of all shards.

    Attributes:
        function: of a shard.
        versions: that its result depends on.
        kernels: environment variables that its result depends on.
        file: that all nodes must see.
    """

    function: Callable[[Any], object]
    versions: Mapping[str, str]
    kernels: Mapping[str, str]
    file: Path


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
    try:
        context: Any = ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
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
    remote: Any = ray.remote(**task_settings(head, cpus))(perform)
    with shared_file() as file:
        work = ray.put(Work(function, code_versions(), own_kernels(), file))
        tasks = deque(remote.remote(work, shard) for shard in shards)
        while tasks:
            name = f"shard {len(shards) - len(tasks) + 1} of {len(shards)} ({label})"
            yield cast("R", wait_for(tasks.popleft(), head, name, cpus))


@cache
def task_settings(head: str, cpus: int) -> dict[str, Any]:
    """Return the settings of tasks, with the variables of the kernels if the nodes were started without them.

    For tasks with variables of their own, Ray starts each worker process twice, 0.5 s of CPU more.

    Raises:
        UserError: the head is lost, or no node runs a task.
    """
    settings: dict[str, Any] = {"num_cpus": cpus, "max_retries": RETRIES, "retry_exceptions": False}
    kernels = own_kernels()
    asked: Any = ray.remote(**settings)(ask_kernels)
    if not wait_for(asked.remote(kernels), head, "the first task", cpus):
        settings["runtime_env"] = {"env_vars": kernels}
    return settings


def own_kernels() -> dict[str, str]:
    """Return the variables of the kernels that this process computes with; none on CPUs without AVX2."""
    return {name: os.environ[name] for name in KERNELS if name in os.environ}


def ask_kernels(kernels: Mapping[str, str]) -> Outcome:
    """Return whether this node's processes are started with the variables of the kernels."""
    return started_with(kernels), None


def started_with(variables: Mapping[str, str]) -> bool:
    """Tell whether this process was started with environment variables; later changes do not count.

    NumPy reads them when it is imported, and Ray imports it before any task.
    """
    if not variables:
        return True
    own = Path("/proc/self/environ").read_bytes().split(b"\0")
    return all(f"{name}={value}".encode() in own for name, value in variables.items())


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
    try:
        require_same_project(work)
        with explain_full_disk():
            return work.function(shard), None
    except UserError as error:
        return None, (error.problem, error.hint)


def require_same_project(work: Work) -> None:
    """Check that this process has the code, the libraries and the folder of the one that has sent the work.

    Raises:
        UserError: it has not.
    """
    own, node = code_versions(), f"Node {ray.util.get_node_ip_address()} of Ray"
    wrong = [
        f"{name} {own.get(name, 'missing')}, not {version}"
        for name, version in work.versions.items()
        if own.get(name) != version
    ]
    if wrong:
        raise UserError(f"{node} has other versions: {'; '.join(wrong)}.", SAME_PROJECT)
    if not work.file.exists():
        raise UserError(
            f"{node} does not see the project folder: {work.file} is missing there.", SAME_PROJECT
        )
    if not started_with(work.kernels):
        variables = " ".join(work.kernels)
        raise UserError(f"{node} was started without some of the variables {variables}.", SAME_KERNELS)


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
