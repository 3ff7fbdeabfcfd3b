"""The service's processes when one is killed and when all are stopped."""

import contextlib
import io
import math
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
import numpy as np
import psutil
import pytest
from PIL import Image
from processes import descendants, is_alive, workers
from tiny_service import COLOURS, make_project, serving, started, wait_for, wait_until_ready

from benchmarks.hostile_requests import CLASSIFY, PART, upload_head

BACK_S = 60
"""Several times the restart on an idle machine."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two workers."""
    return make_project(tmp_path_factory.mktemp("processes"), workers=2)


@pytest.fixture(scope="module")
def running(project: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The service's address and its supervisor."""
    with started(project) as (url, server):
        wait_until_ready(url, server, project / "server.log")
        yield url, psutil.Process(server.pid)


def image() -> bytes:
    """Encode an image of the first class."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS["cherry"]).save(file, "PNG")
    return file.getvalue()


def test_answered_requests_leave_nothing_in_memory(running: tuple[str, psutil.Process]) -> None:
    url, supervisor = running

    def memory_after(requests: int) -> int:
        for _ in range(requests):
            assert client.get("/livez").status_code == 200
        return sum(psutil.Process(worker).memory_full_info().uss for worker in workers(supervisor.pid))

    with httpx.Client(base_url=url, timeout=30) as client:
        before = memory_after(1000)
        # BentoML's timers held 5 kB each.
        assert memory_after(2000) - before < 2000 * 1000


def test_killed_worker_is_restarted_while_the_other_answers(
    running: tuple[str, psutil.Process],
) -> None:
    url, supervisor = running
    assert wait_for(lambda: len(workers(supervisor.pid)) == 2, BACK_S)
    before = workers(supervisor.pid)
    over = threading.Event()
    outcomes: Counter[str] = Counter()

    def load(path: str) -> None:
        while not over.is_set():
            try:
                # A new connection each time, as from independent clients.
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
        came_back = wait_for(lambda: len(workers(supervisor.pid) - {killed}) == 2, BACK_S)
    finally:
        over.set()
        for client in clients:
            client.join()
    assert answered
    assert came_back
    assert set(outcomes) <= {*fine, "lost"}
    # Only requests that the killed process was working on: at most one per client.
    assert outcomes["lost"] <= len(clients)
    assert httpx.get(f"{url}/metrics", timeout=30).status_code == 200


def test_stopping_service_finishes_running_requests(
    project: Path, running: tuple[str, psutil.Process]
) -> None:
    url, supervisor = running
    host, port = url.removeprefix("http://").split(":")
    body = PART + image() + b"\r\n--b--\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(upload_head(len(body)) + body[:-20])
        wait_for(lambda: busy(url), BACK_S)
        supervisor.send_signal(signal.SIGTERM)
        # The idle worker ends at once.
        assert wait_for(lambda: len(workers(supervisor.pid)) == 1, BACK_S)
        connection.sendall(body[-20:])
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b" 200 " in answer
    assert b'"label":"cherry"' in answer
    with contextlib.suppress(subprocess.TimeoutExpired, psutil.NoSuchProcess):
        supervisor.wait(timeout=BACK_S)
    assert not supervisor.is_running()


def busy(url: str) -> bool:
    """Return whether another request is in progress."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    return any(
        float(line.split()[1]) > 1 for line in text.splitlines() if line.startswith("herodex_requests_in")
    )


def test_stopping_service_does_not_wait_for_clients_that_left(project: Path) -> None:
    with started(project) as (url, server):
        wait_until_ready(url, server, project / "server.log")
        host, port = url.removeprefix("http://").split(":")
        for _ in range(8):
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                connection.sendall(upload_head(1_000_000) + PART)
                assert wait_for(lambda: busy(url), BACK_S)
        server.terminate()
        # An upload may take 20 s.
        server.wait(timeout=15)


def test_workers_of_a_killed_supervisor_stop_and_free_the_port(project: Path) -> None:
    with started(project) as (url, server):
        wait_until_ready(url, server, project / "server.log")
        assert wait_for(lambda: len(workers(server.pid)) == 2, BACK_S)
        left = descendants(server.pid)
        server.kill()
        server.wait()
        assert wait_for(lambda: not any(map(is_alive, left)), BACK_S)
        host, port = url.removeprefix("http://").split(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))


def test_server_ends_with_a_message_if_its_models_cannot_be_loaded(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    # The file is sound, but its vectors have another length than the classifier's.
    np.save(project / "models/classifier/gallery.npy", np.zeros((3, 7), np.float32))
    with started(project) as (_, server):
        assert server.wait(timeout=120) == 1
    log = (project / "server.log").read_text(encoding="utf-8")
    assert "error: The models cannot be loaded" in log
    assert "make run" in log


def rate_of_long_window(burst: int) -> float:
    """Return requests per minute whose window is one and a half windows from 1970: none begins for years.

    Without Redis, windows begin at multiples of their length since 1970, and one more request passes there.
    """
    return 60 * burst / math.floor(time.time() / 1.5)


@pytest.mark.parametrize("forged", [{"x-forwarded-for": "203.0.113.{}"}, {"forwarded": "for=203.0.113.{}"}])
def test_client_on_this_machine_cannot_forge_its_address(tmp_path: Path, forged: dict[str, str]) -> None:
    project = make_project(tmp_path, requests_per_minute=rate_of_long_window(5), burst=5)
    with serving(project) as url:
        statuses = [
            httpx.get(
                f"{url}/api/about",
                headers={name: text.format(place) for name, text in forged.items()},
                timeout=30,
            ).status_code
            for place in range(20)
        ]
    assert statuses == [200] * 5 + [429] * 15
