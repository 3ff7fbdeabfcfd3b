"""Metrics on a port of their own, over HTTP."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from processes import send_signal, workers
from tiny_service import environment, make_project, started, wait_for, wait_until_ready

from benchmarks.hostile_requests import upload_head
from herodex.serving.metrics_port import VARIABLE
from scripts.free_port import free_port

BACK_S = 60


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, psutil.Process]]:
    """A service of two workers: its address, that of its metrics, and its supervisor."""
    port = free_port()
    project = make_project(tmp_path_factory.mktemp("metrics"), workers=2, metrics_port=port)
    with started(project) as (url, server):
        wait_until_ready(url, server, project / "server.log")
        yield url, f"http://127.0.0.1:{port}/metrics", psutil.Process(server.pid)


def sample(text: str, name: str) -> float:
    """Return the value of a sample in an exposition."""
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(name)), 0.0)


def test_service_port_has_no_metrics(running: tuple[str, str, psutil.Process]) -> None:
    url, _, _ = running
    response = httpx.get(f"{url}/metrics", timeout=30)
    assert response.status_code == 404
    assert set(response.json()) == {"error", "hint"}
    assert "herodex_requests" not in response.text


def test_metrics_port_counts_the_requests_of_all_workers(running: tuple[str, str, psutil.Process]) -> None:
    url, metrics, _ = running
    name = 'herodex_requests_total{route="/api/about",status="200"}'
    before = sample(httpx.get(metrics, timeout=30).text, name)
    for _ in range(20):
        # A new connection each time, so that both workers answer.
        assert httpx.get(f"{url}/api/about", timeout=30).status_code == 200
    response = httpx.get(metrics, timeout=30)
    assert response.headers["content-type"].startswith("text/plain")
    assert sample(response.text, name) == before + 20


def test_held_connection_does_not_delay_metrics(running: tuple[str, str, psutil.Process]) -> None:
    _, metrics, _ = running
    parts = httpx.URL(metrics)
    with socket.create_connection((parts.host, parts.port or 80), timeout=30) as held:
        held.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert httpx.get(metrics, timeout=5).status_code == 200
        # The server closes it.
        assert held.recv(100) == b""


def test_metrics_outlive_a_killed_worker_without_its_requests_in_progress(
    running: tuple[str, str, psutil.Process],
) -> None:
    url, metrics, supervisor = running
    before = httpx.get(metrics, timeout=30).text
    parts = httpx.URL(url)
    with socket.create_connection((parts.host, parts.port or 80), timeout=30) as connection:
        connection.sendall(upload_head(100))
        assert wait_for(
            lambda: sample(httpx.get(metrics, timeout=30).text, "herodex_requests_in") == 1, BACK_S
        )
        for worker in workers(supervisor.pid):
            send_signal(worker, signal.SIGKILL)
    assert wait_for(lambda: sample(httpx.get(metrics, timeout=30).text, "herodex_requests_in") == 0, BACK_S)
    after = httpx.get(metrics, timeout=30).text
    name = 'herodex_requests_total{route="/api/about",status="200"}'
    assert sample(after, name) == sample(before, name) > 0
    with contextlib.suppress(httpx.TransportError):
        assert wait_for(lambda: httpx.get(f"{url}/readyz", timeout=30).status_code == 200, BACK_S)


def test_environment_overrides_the_parameters_and_a_used_port_is_reported(tmp_path: Path) -> None:
    project = make_project(tmp_path, metrics_port=free_port())
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with started(project, **{VARIABLE: port}) as (_, server):
            assert server.wait(timeout=60) == 1
    log = (project / "server.log").read_text(encoding="utf-8")
    assert f"error: Port {port} is already in use." in log
    assert VARIABLE in log
    assert "Traceback" not in log


def test_used_port_is_reported_without_the_check_before_the_start(tmp_path: Path) -> None:
    # The container runs `bentoml serve` itself.
    project = make_project(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "bentoml", "serve", "service:Herodex", "--port", str(free_port())],
            cwd=project,
            env=environment(project, **{VARIABLE: port}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert f"error: Cannot serve metrics on port {port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wrong", ["0", "70000", "http"])
def test_wrong_port_in_the_environment_is_reported(tmp_path: Path, wrong: str) -> None:
    project = make_project(tmp_path)
    with started(project, **{VARIABLE: wrong}) as (_, server):
        assert server.wait(timeout=60) == 1
    log = (project / "server.log").read_text(encoding="utf-8")
    assert log.startswith(f"error: {VARIABLE} is '{wrong}', which is not a port number.")
