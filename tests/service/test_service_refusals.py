"""Invalid requests to a real server over HTTP: each is refused clearly, none with 500."""

import contextlib
import io
import ipaddress
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from zlib import crc32

import httpx
import psutil
import pytest
from PIL import Image
from processes import is_alive
from tiny_service import make_project, serving

from benchmarks.hostile_requests import (
    CLASSIFY,
    FORM,
    HOSTILE,
    MB,
    NAMES,
    PART,
    QUOTE,
    SCORE,
    Hostile,
    encoded,
    png,
    upload_head,
)

UPLOAD_TIMEOUT_S = 1.5
"""Longest time for a body to arrive."""
HANG_S = 10
"""More than a busy machine needs for any answer."""
KEEP_ALIVE_S = 5
"""Time that the server waits for the next request of a connection."""
CPU_RATIO = 3
"""Most CPU of a hostile request, as a multiple of that of a plain request of its size."""
CPU_NOISE_S = 0.1
"""CPU times have steps of 0.01 s, and a process that was stopped is replaced."""
BURST = 1000
WINDOW_S = 1000
"""Time in which 60 requests a minute add up to the burst."""
ALLOWED = "https://Allowed.example"


class Server:
    """A server whose limits are low enough for tests to reach."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client = client
        self.log = folder / "server.log"
        self.supervisor: psutil.Process | None = None

    def send(self, hostile: Hostile) -> httpx.Response:
        """Send a hostile request."""
        return self.client.request(hostile.method, hostile.path, **hostile.options())  # type: ignore[arg-type]

    def processes(self) -> list[psutil.Process]:
        """Return the server's processes: the supervisor, the workers and their decoders."""
        port = self.client.base_url.port
        listening = [
            link.pid for link in psutil.net_connections("tcp") if link.laddr and link.laddr.port == port
        ]
        if self.supervisor is None:
            listeners = [psutil.Process(pid) for pid in set(listening) if pid and is_alive(pid)]
            self.supervisor = min(listeners, key=lambda process: process.create_time())
        return [self.supervisor, *self.supervisor.children(recursive=True)]

    def memory(self) -> float:
        """Return the bytes of memory that only they use, which does not depend on other processes."""
        return sum(self._of_each(lambda process: process.memory_full_info().uss))

    def cpu(self) -> float:
        """Return the CPU seconds that they and their ended children have used."""
        return sum(self._of_each(lambda process: sum(process.cpu_times()[:4])))

    def _of_each(self, value: Callable[[psutil.Process], float]) -> Iterator[float]:
        for process in self.processes():
            # A decoder that was stopped is replaced meanwhile.
            with contextlib.suppress(psutil.NoSuchProcess):
                yield value(process)

    def cpu_of(self, hostile: Hostile) -> tuple[httpx.Response, float]:
        """Send a request; return its response and its CPU seconds."""
        before = self.cpu()
        response = self.send(hostile)
        return response, self.cpu() - before

    def plain_cpu(self, hostile: Hostile) -> float:
        """Return the CPU seconds of a plain request as large as another, twice that of the limit at most."""
        request = self.client.build_request(hostile.method, hostile.path, **hostile.options())  # type: ignore[arg-type]
        size = min(int(request.headers.get("content-length", 20 * MB)), 20 * MB)
        if hostile.path == SCORE:
            plain = {"names": ["abcdefghij" * 10] * 100}
            return self.cpu_of(Hostile("POST", SCORE, 200, lambda: {"json": plain}))[1]
        if hostile.path != CLASSIFY:
            return self.cpu_of(
                Hostile("POST", NAMES, 200, lambda: {"json": {"count": 15, "temperature": 1}})
            )[1]
        side = max(8, int((size / 3) ** 0.5))
        data = encoded("PNG", (side, side))
        return self.cpu_of(Hostile("POST", CLASSIFY, 200, lambda: {"files": {"image": ("x", data)}}))[1]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running service with an allowed origin, behind a proxy that passes client addresses on."""
    project = make_project(
        tmp_path_factory.mktemp("hostile"),
        upload_timeout_s=UPLOAD_TIMEOUT_S,
        max_queue=1,
        cors_origins=[ALLOWED],
        requests_per_minute=60,
        burst=BURST,
        client_header="X-Real-IP",
    )
    with serving(project) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield Server(client, project)


@pytest.fixture(autouse=True)
def _own_rate_limit(server: Server, request: pytest.FixtureRequest) -> None:
    # Each test is a client of its own: what the others sent does not count.
    server.client.headers["x-real-ip"] = str(ipaddress.IPv4Address(crc32(request.node.name.encode())))


def assert_refused(response: httpx.Response, status: int) -> None:
    """Check that the response has this status, an error and a hint."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "hint"}
    assert all(isinstance(text, str) and text for text in response.json().values())
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_request_gets_a_clear_answer_quickly(server: Server, name: str) -> None:
    hostile = HOSTILE[name]
    response = server.send(hostile)
    if hostile.status == 200:
        assert response.status_code == 200, response.text
        assert response.json()
    else:
        assert_refused(response, hostile.status)
    # A costly request is costly twice; a garbage collection may come once.
    costs = (server.cpu_of(hostile)[1] for _ in range(2))
    limit = CPU_RATIO * server.plain_cpu(hostile) + CPU_NOISE_S
    assert min(costs) < limit
    # A slow request is slow twice; on a busy machine, any request may be slow once.
    seconds = (response if is_quick(response) else server.send(hostile)).elapsed.total_seconds()
    assert seconds < HANG_S


def is_quick(response: httpx.Response) -> bool:
    """Whether a response arrived in time."""
    return response.elapsed.total_seconds() < HANG_S


def test_body_sent_byte_by_byte_is_refused_after_the_timeout(server: Server) -> None:
    address = server.client.base_url
    started = time.monotonic()
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(upload_head(1000))
        answered = threading.Event()

        def trickle() -> None:
            with contextlib.suppress(OSError):
                for byte in PART:
                    if answered.wait(0.1):
                        return
                    connection.sendall(bytes([byte]))

        sender = threading.Thread(target=trickle)
        sender.start()
        status = connection.recv(100)
        answered.set()
        sender.join()
    assert b" 408 " in status
    assert time.monotonic() - started < UPLOAD_TIMEOUT_S + HANG_S


@pytest.mark.parametrize(
    "sent", [b"", b"G", b"GET / HTTP/1.1\r\nhost: x\r\n", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET"]
)
def test_connection_that_does_not_finish_its_head_is_closed(server: Server, sent: bytes) -> None:
    address = server.client.base_url
    started = time.monotonic()
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(sent)
        while connection.recv(4096):
            pass
    assert time.monotonic() - started < UPLOAD_TIMEOUT_S + KEEP_ALIVE_S + HANG_S


def test_connection_that_never_ends_its_body_is_closed(server: Server) -> None:
    address = server.client.base_url
    started = time.monotonic()
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n")
        with contextlib.suppress(OSError):
            while time.monotonic() - started < 60:
                connection.sendall(b"a")
                threading.Event().wait(0.2)
    assert time.monotonic() - started < 2 * UPLOAD_TIMEOUT_S + 10 + HANG_S


@pytest.mark.parametrize("path", [CLASSIFY, NAMES, "/livez"])
def test_body_of_tiny_chunks_costs_little(server: Server, path: str) -> None:
    address = server.client.base_url
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: {FORM}\r\n\r\n"
    before = server.cpu()
    connection = socket.create_connection((address.host, address.port or 80), timeout=60)
    with connection, contextlib.suppress(OSError):
        connection.sendall(head.encode())
        for _ in range(500):
            connection.sendall(b"1\r\na\r\n" * 1000)
        while connection.recv(4096):
            pass
    assert server.cpu() - before < 1
    assert server.client.get("/livez").status_code == 200


def test_slow_images_do_not_hold_up_names_and_quotes(server: Server) -> None:
    slow = png(4900, 4900, bytes(4901 * 4900))

    def send(_: int) -> httpx.Response:
        return server.client.post(CLASSIFY, files={"image": ("x.png", slow)})

    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(send, place) for place in range(6)]
        waits = [server.client.get(QUOTE).elapsed.total_seconds()]
        while not all(answer.done() for answer in answers):
            waits.append(server.client.get(QUOTE).elapsed.total_seconds())
    decoded = [answer.result() for answer in answers if answer.result().status_code == 200]
    assert {answer.result().status_code for answer in answers} <= {200, 503}
    assert median(waits) < median(answer.elapsed.total_seconds() for answer in decoded) / 4


def test_large_upload_is_refused_while_it_streams(server: Server) -> None:
    address = server.client.base_url
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(upload_head(1_000_000_000))
        connection.sendall(PART + bytes(10 * MB))
        status = connection.recv(100)
    assert b" 413 " in status


def test_hostile_requests_do_not_increase_memory(server: Server) -> None:
    # The first round brings the heaps of all processes to their size.
    memory: list[float] = []
    for _ in range(2):
        for hostile in HOSTILE.values():
            server.send(hostile)
        memory.append(server.memory())
    assert memory[1] < 1.05 * memory[0]


def test_uploads_are_not_written_to_disk(server: Server) -> None:
    data = encoded("PNG", (1950, 1950))
    assert 8 * MB < len(data) < 10 * MB
    processes = server.processes()
    assert processes
    limits = [resource.prlimit(process.pid, resource.RLIMIT_FSIZE) for process in processes]
    for process, (_, hard) in zip(processes, limits, strict=True):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (2 * MB, hard))
    response = server.client.post(CLASSIFY, files={"image": ("large.png", data)})
    for process, limit in zip(processes, limits, strict=True):
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
    assert response.status_code == 200, response.text


def test_image_with_broken_exif_is_classified(server: Server) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    Image.new("RGB", (64, 48), (220, 20, 20)).save(data, "JPEG", exif=exif)
    broken = data.getvalue().replace(b"Exif\x00\x00MM\x00*", b"Exif\x00\x00M<\x00*")
    assert broken != data.getvalue()
    response = server.client.post(CLASSIFY, files={"image": ("x.jpg", broken)})
    assert response.json()["label"] == "cherry"


def test_full_queue_returns_503_with_retry_after(server: Server) -> None:
    data = encoded("PNG", (1500, 1500))

    def send(_: int) -> httpx.Response:
        return server.client.post(CLASSIFY, files={"image": ("x.png", data)})

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(send, range(24)))
    busy = [response for response in responses if response.status_code != 200]
    assert 0 < len(busy) < 24
    for response in busy:
        assert_refused(response, 503)
        assert response.headers["retry-after"] == "2"


def test_client_over_the_rate_limit_gets_429_and_others_do_not(server: Server) -> None:
    def ask(client: str) -> httpx.Response:
        return server.client.get("/api/about", headers={"x-real-ip": client})

    statuses = {ask("203.0.113.9").status_code for _ in range(BURST)}
    assert statuses == {200}
    refused = next(response for _ in range(BURST) if (response := ask("203.0.113.9")).status_code != 200)
    assert_refused(refused, 429)
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW_S
    assert ask("203.0.113.10").status_code == 200
    # Probes and the page are not part of the API.
    assert server.client.get("/readyz", headers={"x-real-ip": "203.0.113.9"}).status_code == 200


def test_only_allowed_origins_may_use_the_api_from_their_pages(server: Server, client: httpx.Client) -> None:
    origin = ALLOWED.lower()
    preflight = {"origin": origin, "access-control-request-method": "POST"}
    allowed = server.client.options(CLASSIFY, headers=preflight)
    assert allowed.headers["access-control-allow-origin"] == origin
    other = server.client.get("/api/about", headers={"origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    unset = client.options(CLASSIFY, headers=preflight)
    assert unset.status_code == 405
    assert "access-control-allow-origin" not in unset.headers


def test_metrics_count_refusals_without_client_data_in_labels(server: Server) -> None:
    server.send(HOSTILE["junk"])
    server.client.get("/made-up-by-a-client")
    text = server.client.get("/metrics").text
    assert 'herodex_refusals_total{reason="unsupported",route="/api/classify"}' in text
    assert 'herodex_requests_total{route="other",status="404"}' in text
    assert "made-up" not in text
    assert "api/unknown" not in text


def whole_lines(log: Path) -> str:
    """Read a log as far as its last whole line; another process may be writing the next."""
    return "".join(line for line in log.read_text(encoding="utf-8").splitlines(True) if line.endswith("\n"))


def test_log_has_one_line_per_request_without_client_data(server: Server) -> None:
    deadline = time.monotonic() + 20
    answered = server.client.post(
        CLASSIFY, files={"image": ("my-holiday.png", encoded("PNG"))}, headers={"x-real-ip": "203.0.113.77"}
    )
    request_id = answered.headers["x-request-id"]
    # The line is written after the response.
    while request_id not in (log := whole_lines(server.log)):
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)
    lines = [line for line in map(json.loads, log.splitlines()) if line["message"] == "answered"]
    assert len(lines) > len(HOSTILE)
    line = next(line for line in lines if line["request_id"] == request_id)
    assert (line["route"], line["status"]) == (CLASSIFY, 200)
    everything = json.dumps(lines)
    for private in ("my-holiday", "203.0.113", "127.0.0.1", "passwd", "made-up", "script"):
        assert private not in everything
    assert "Traceback" not in log
