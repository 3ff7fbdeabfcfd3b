"""What becomes of the service's processes: one is killed, or all are told to end."""

import contextlib
import io
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from hostile_requests import CLASSIFY, PART, upload_head
from PIL import Image
from tiny_service import COLOURS, make_project, started, wait_until_ready

BACK_S = 20
"""Twice as long as it takes on a machine with nothing else to do."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of which two processes answer."""
    return make_project(tmp_path_factory.mktemp("processes"), workers=2)


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Its address, and the process that watches the others."""
    with started(project) as (url, server):
        wait_until_ready(url, server, project / "server.log")
        yield url, psutil.Process(server.pid)


def workers(watcher: psutil.Process) -> set[int]:
    """The processes that answer."""
    found: set[int] = set()
    for child in watcher.children():
        # One may end while it is looked at.
        with contextlib.suppress(psutil.NoSuchProcess):
            if "worker" in " ".join(child.cmdline()):
                found.add(child.pid)
    return found


def wait_for(condition: object, seconds: float) -> bool:
    """Whether something comes to hold within that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        threading.Event().wait(0.02)
    return False


def image() -> bytes:
    """An image of the first class."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS["cherry"]).save(file, "PNG")
    return file.getvalue()


def test_a_worker_that_is_killed_under_load_comes_back_while_the_other_answers(
    running: tuple[str, psutil.Process],
) -> None:
    url, watcher = running
    assert wait_for(lambda: len(workers(watcher)) == 2, BACK_S)
    before = workers(watcher)
    over = threading.Event()
    outcomes: Counter[str] = Counter()

    def load(path: str) -> None:
        while not over.is_set():
            try:
                # A connection for each, as of clients that do not know each other.
                if path == CLASSIFY:
                    answer = httpx.post(url + path, files={"image": ("x", image())}, timeout=30)
                else:
                    answer = httpx.get(url + path, timeout=30)
                outcomes[f"{path} {answer.status_code}"] += 1
            except httpx.TransportError:
                outcomes["lost"] += 1

    paths = (CLASSIFY, "/api/quote")
    fine = [f"{path} 200" for path in paths]
    clients = [threading.Thread(target=load, args=(path,)) for path in paths]
    for client in clients:
        client.start()
    killed = min(before)
    try:
        os.kill(killed, signal.SIGKILL)
        at_kill = outcomes.copy()
        answered = wait_for(lambda: all(outcomes[kind] > at_kill[kind] for kind in fine), BACK_S)
        came_back = wait_for(lambda: len(workers(watcher) - {killed}) == 2, BACK_S)
    finally:
        over.set()
        for client in clients:
            client.join()
    assert answered
    assert came_back
    assert set(outcomes) <= {*fine, "lost"}
    # Only what the killed process had at work: at most one request of each client.
    assert outcomes["lost"] <= len(clients)
    assert httpx.get(f"{url}/metrics", timeout=30).status_code == 200


def test_a_service_told_to_end_finishes_what_it_began(
    project: Path, running: tuple[str, psutil.Process]
) -> None:
    url, watcher = running
    host, port = url.removeprefix("http://").split(":")
    body = PART + image() + b"\r\n--b--\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(upload_head(len(body)) + body[:-20])
        wait_for(lambda: busy(url), BACK_S)
        watcher.send_signal(signal.SIGTERM)
        # The worker with nothing to do ends at once.
        assert wait_for(lambda: len(workers(watcher)) == 1, BACK_S)
        connection.sendall(body[-20:])
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 200 " in answer
    assert b'"label":"cherry"' in answer
    with contextlib.suppress(subprocess.TimeoutExpired, psutil.NoSuchProcess):
        watcher.wait(timeout=BACK_S)
    assert not watcher.is_running()


def busy(url: str) -> bool:
    """Whether a request is under way besides the one that asks."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    return any(
        float(line.split()[1]) > 1 for line in text.splitlines() if line.startswith("herodex_requests_in")
    )
