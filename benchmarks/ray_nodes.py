"""Ray on loopback: a head without CPUs, and nodes of one CPU, each with an address of its own."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Container, Iterator
from pathlib import Path

import psutil

from herodex.kernels import fix_kernels
from scripts.free_port import free_port

RAY = Path(sys.executable).with_name("ray")
STARTUP_S = 180
STARTED = "Ray runtime started."
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # By default, a dead node is noticed after 15 s, and workers run at the lowest priority.
    "RAY_health_check_initial_delay_ms": "500",
    "RAY_health_check_period_ms": "500",
    "RAY_health_check_failure_threshold": "4",
    "RAY_worker_niceness": "0",
    "RAY_raylet_start_wait_time_s": "150",
}
fix_kernels(ENVIRONMENT)


class RayNodes:
    """A running head and its nodes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"127.0.0.2:{free_port()}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, without: Container[str] = ()) -> int:
        """Start a head or a node, without some variables of this process; return its place in `processes`."""
        place = len(self.processes)
        common = ["--node-ip-address", f"127.0.0.{place + 2}", "--object-store-memory", "80000000"]
        with self.log(place).open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [RAY, "start", "--block", "--disable-usage-stats", *common, *arguments],
                    env={
                        name: value
                        for name, value in (ENVIRONMENT | dict(os.environ)).items()
                        if name not in without
                    },
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
        return place

    def log(self, place: int) -> Path:
        """Return the file with the output of `ray start`."""
        return self.folder / f"{place}.log"

    def start_head(self) -> None:
        """Start a head without CPUs, and return as soon as nodes can join."""
        _, port = self.address.split(":")
        self.wait_for(
            self.start(
                "--head",
                "--port",
                port,
                "--num-cpus",
                "0",
                "--include-dashboard",
                "false",
                "--temp-dir",
                str(self.folder),
            )
        )

    def start_node(self, without: Container[str] = ()) -> int:
        """Start a node of one CPU, which joins later; return its place."""
        return self.start("--address", self.address, "--num-cpus", "1", without=without)

    def wait_for(self, place: int) -> None:
        """Return once `ray start` says that it has finished."""
        deadline = time.monotonic() + STARTUP_S
        while STARTED not in (output := self.log(place).read_text(encoding="utf-8")):
            if self.processes[place].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(output)
            time.sleep(0.05)

    def tree(self, place: int) -> list[psutil.Process]:
        """List the processes of a head or node; none after it has ended."""
        with contextlib.suppress(psutil.Error):
            start = psutil.Process(self.processes[place].pid)
            return [start, *start.children(recursive=True)]
        return []

    def kill(self, place: int) -> None:
        """Kill all processes of a head or node at once."""
        for process in self.tree(place) if self.processes[place].poll() is None else []:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.processes[place].wait()

    def node_of(self, pid: int) -> int:
        """Return the place of the node that a worker runs on."""
        places = range(len(self.processes))
        return next(place for place in places if any(process.pid == pid for process in self.tree(place)))


@contextlib.contextmanager
def running_ray(nodes: int) -> Iterator[RayNodes]:
    """Run a head and nodes."""
    # Ray's sockets are in this folder, and the path of a socket has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    found = RayNodes(folder)
    try:
        found.start_head()
        for _ in range(nodes):
            # One by one: two nodes that start at once may give their sockets the same name.
            found.wait_for(found.start_node())
        yield found
    finally:
        for place in reversed(range(len(found.processes))):
            found.kill(place)
        shutil.rmtree(folder, ignore_errors=True)
