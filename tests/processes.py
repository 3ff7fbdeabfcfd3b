"""Processes that a test starts: any of them may end while it is looked at."""

import contextlib
import signal

import psutil


def command(process: psutil.Process) -> list[str]:
    """Return the command line of a process; it is empty once the process has ended."""
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def descendants(pid: int) -> dict[int, list[str]]:
    """Map the running descendants of a process to their command lines."""
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(pid).children(recursive=True)
        return {child.pid: line for child in children if (line := command(child))}
    return {}


def workers(supervisor: int) -> set[int]:
    """Return the process ids of the workers of a running service."""
    return {pid for pid, line in descendants(supervisor).items() if "worker" in " ".join(line)}


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended may still be waited for."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process unless it has ended."""
    with contextlib.suppress(psutil.Error):
        psutil.Process(pid).send_signal(number)
