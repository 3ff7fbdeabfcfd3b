"""Run a branch of the pipeline in a second DVC process, at the same time as the others."""

import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread

import psutil

DVC = (sys.executable, "-m", "dvc", "--wait-for-lock", "repro")


@dataclass(frozen=True)
class SideRun:
    """A second `dvc repro`, and the lines that it has printed since they were last asked for."""

    process: subprocess.Popen[str]
    printed: SimpleQueue[str] = field(default_factory=SimpleQueue[str])

    def new_lines(self) -> list[str]:
        """Return the lines that it has printed since the last call."""
        return [self.printed.get() for _ in range(self.printed.qsize())]

    def running(self, wait_s: float = 0.5) -> bool:
        """Wait for the end, and tell whether it is still to come."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(wait_s)
        return self.process.returncode is None


@contextmanager
def side_run(stages: Sequence[str]) -> Generator[SideRun]:
    """Start `dvc repro` for stages; at the end of the block, stop it if it still runs.

    Its lines are collected, because two processes that write to one terminal garble each other's progress.
    """
    process = subprocess.Popen(
        [*DVC, *stages],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    run = SideRun(process)
    reader = Thread(target=_collect, args=(run,), daemon=True)
    reader.start()
    try:
        yield run
    finally:
        _stop(process)
        reader.join()


def _collect(run: SideRun) -> None:
    assert run.process.stdout is not None
    for line in run.process.stdout:
        run.printed.put(line.rstrip("\n"))


def _stop(process: subprocess.Popen[str]) -> None:
    """End a process and those that it started, which DVC would leave running."""
    if process.poll() is not None:
        return
    processes = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in processes:
        one.terminate()
    psutil.wait_procs(processes, timeout=10)
    process.wait()
