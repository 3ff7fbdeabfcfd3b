"""A Redis server on a free loopback port."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.free_port import free_port

STARTUP_S = 60


@contextlib.contextmanager
def running_redis(folder: Path) -> Generator[str]:
    """Run a Redis server without files and yield its address. Skips the test if it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is not installed; run `scripts/setup.sh --for-tests`"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    port = free_port()
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return once a server accepts connections; raise RuntimeError if it ends or takes too long."""
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("redis-server did not start")
