"""A Redis server on a free loopback port, which a test may pause or kill."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.free_port import free_port

STARTUP_S = 60


class RedisServer:
    """Redis without files; what it holds is lost when it stops."""

    def __init__(self, program: str, folder: Path) -> None:
        port = free_port()
        self.uri = f"redis://127.0.0.1:{port}/0"
        self._port = port
        self._command = [
            program,
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--save",
            "",
            "--dir",
            str(folder),
        ]
        self.start()

    def start(self) -> None:
        """Start the server, also again after `kill`, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until_listening(self._port, self._process)

    def pause(self) -> None:
        """Let the server stop answering, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill the server."""
        self._process.kill()
        self._process.wait(timeout=30)

    def stop(self) -> None:
        """Stop the server, whether it runs, is paused or was killed."""
        self.resume()
        self._process.terminate()
        self._process.wait(timeout=30)


@contextlib.contextmanager
def controlled_redis(folder: Path) -> Generator[RedisServer]:
    """Run a Redis server. Skips the test if it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is not installed; run `scripts/setup.sh --for-tests`"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    server = RedisServer(program, folder)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def running_redis(folder: Path) -> Generator[str]:
    """Run a Redis server and yield its address. Skips the test if it is not installed."""
    with controlled_redis(folder) as server:
        yield server.uri


def wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    """Return once a server accepts connections; raise RuntimeError if it ends or takes too long."""
    deadline = time.monotonic() + STARTUP_S
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args!r} did not start")
