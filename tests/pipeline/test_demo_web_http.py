"""The demo web as a process, by HTTP through its proxy."""

import hashlib
import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from demo_web_params import ONE_OF_EACH, demo_params, folder_params

from demo_web import hosts
from demo_web.faults import Kind, Outcome
from demo_web.images import image_file
from demo_web.server import running_web
from demo_web.truth import PlannedImage, plan_web
from herodex.errors import UserError

SLOW_S = 0.3
PARAMS = demo_params(results=30, shares=ONE_OF_EACH, slow_s=SLOW_S)
PLAN = plan_web(PARAMS)


class Reply(NamedTuple):
    """The answer to a request; `promised` is its Content-Length."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    promised: int


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with running_web(PARAMS) as url:
        yield url


@pytest.fixture
def connection(web: str) -> Iterator[http.client.HTTPConnection]:
    with closing(connect(web)) as connection:
        yield connection


def connect(proxy: str) -> http.client.HTTPConnection:
    address = urlsplit(proxy)
    assert address.hostname == "127.0.0.1"
    return http.client.HTTPConnection(address.hostname, address.port, timeout=20)


def fetch(connection: http.client.HTTPConnection, url: str, method: str = "GET") -> Reply:
    connection.request(method, url)
    answer = connection.getresponse()
    promised = int(answer.headers["Content-Length"])
    try:
        body = answer.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
        connection.close()
    return Reply(answer.status, answer.headers, body, promised)


def fetch_twice(connection: http.client.HTTPConnection, image: PlannedImage) -> tuple[Reply, Reply]:
    return fetch(connection, image.image_url), fetch(connection, image.image_url)


def of_kind(kind: Kind) -> list[PlannedImage]:
    chosen = [image for image in PLAN if image.kind is kind]
    assert chosen
    return chosen


def test_missing_image_answers_404(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.NOT_FOUND):
        assert [reply.status for reply in fetch_twice(connection, image)] == [404, 404]


def test_single_error_is_gone_on_retry(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.ERROR_ONCE):
        first, second = fetch_twice(connection, image)
        assert (first.status, second.status) == (500, 200)
        assert second.body == image_file(image, PARAMS.demo_web.seed)[1]


def test_throttled_client_gets_retry_after(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.THROTTLED_ONCE):
        first, second = fetch_twice(connection, image)
        assert (first.status, first.headers["Retry-After"]) == (429, "1")
        assert second.status == 200


def test_only_slow_images_are_slow(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.SLOW):
        started = time.monotonic()
        assert fetch(connection, image.image_url).status == 200
        assert time.monotonic() - started >= SLOW_S
    quickest = min(_seconds_for(connection, image) for image in of_kind(Kind.SOUND)[:5])
    assert quickest < SLOW_S


def test_truncated_image_is_always_cut_off(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.TRUNCATED):
        for reply in fetch_twice(connection, image):
            assert reply.status == 200
            assert 0 < len(reply.body) < reply.promised


def test_html_page_has_an_image_content_type(connection: http.client.HTTPConnection) -> None:
    for image in of_kind(Kind.HTML):
        reply, _ = fetch_twice(connection, image)
        assert reply.headers["Content-Type"] == "image/jpeg"
        assert reply.body.startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    "kind", [kind for kind in Kind if kind not in {Kind.NOT_FOUND, Kind.HTML, Kind.TRUNCATED}]
)
def test_images_are_served_as_drawn(connection: http.client.HTTPConnection, kind: Kind) -> None:
    for image in of_kind(kind)[:4]:
        reply = fetch(connection, image.image_url)
        if reply.status != 200:
            assert image.outcome is Outcome.OK_AFTER_RETRY
            reply = fetch(connection, image.image_url)
        shown = next(one for one in PLAN if one.image_url == image.image_url and one.kind is not Kind.SHARED)
        content_type, body = image_file(shown, PARAMS.demo_web.seed)
        assert (reply.headers["Content-Type"], reply.body) == (content_type, body)
        assert reply.promised == len(body)


def test_bytes_do_not_depend_on_process_or_order() -> None:
    params = demo_params(results=12, shares=ONE_OF_EACH, slow_s=0)
    urls = [image.image_url for image in plan_web(params)]
    digests = []
    for order in (urls, urls[::-1]):
        with running_web(params) as proxy, closing(connect(proxy)) as connection:
            replies = {url: fetch(connection, url) for url in order}
            failed = [url for url, reply in replies.items() if reply.status in {429, 500}]
            replies |= {url: fetch(connection, url) for url in failed}
        digests.append({url: hashlib.sha256(reply.body).hexdigest() for url, reply in replies.items()})
    assert digests[0] == digests[1]


def test_batches_of_results_are_json(connection: http.client.HTTPConnection) -> None:
    search = f"http://{hosts.SEARCH}/search"
    assert fetch(connection, f"{search}?q=cat").body.count(b'class="result"') == 30
    reply = fetch(connection, f"{search}/more?q=cat&offset=20")
    assert reply.headers["Content-Type"] == "application/json"
    batch = json.loads(reply.body)
    assert [result["rank"] for result in batch["results"]] == list(range(21, 31))
    assert batch["next"] is None


def test_connection_is_kept_alive(connection: http.client.HTTPConnection) -> None:
    fetch(connection, f"http://{hosts.SEARCH}/robots.txt")
    socket = connection.sock
    fetch(connection, f"http://{hosts.POKEDEX}/robots.txt")
    assert connection.sock is socket is not None


def test_head_request_has_no_body(connection: http.client.HTTPConnection) -> None:
    reply = fetch(connection, f"http://{hosts.POKEDEX}/pokemon", method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert fetch(connection, f"http://{hosts.POKEDEX}/pokemon").promised == reply.promised


@pytest.mark.parametrize(("method", "url"), [("GET", "http://example.com/"), ("CONNECT", "example.com:443")])
def test_no_request_reaches_the_real_network(
    connection: http.client.HTTPConnection, method: str, url: str
) -> None:
    assert fetch(connection, url, method).status == 502


def test_folder_is_served_without_faults_and_drawings(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    files = {f"{number:02}.jpg": f"image {number}".encode() for number in range(25)}
    for name, content in files.items():
        (tmp_path / "cat" / name).write_bytes(content)
    params = folder_params(tmp_path)
    with running_web(params) as proxy, closing(connect(proxy)) as connection:
        served = [fetch(connection, image.image_url) for image in plan_web(params)]
        nothing = fetch(connection, f"http://{hosts.SEARCH}/search?q=dog")
    assert [(reply.status, reply.body) for reply in served] == [(200, content) for content in files.values()]
    assert b'id="end"' in nothing.body
    assert b'class="result"' not in nothing.body


def test_relative_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images" / "cat").mkdir(parents=True)
    (tmp_path / "images" / "cat" / "one.png").write_bytes(b"an image")
    monkeypatch.chdir(tmp_path)
    params = folder_params(Path("images"))
    with running_web(params) as proxy, closing(connect(proxy)) as connection:
        assert fetch(connection, plan_web(params)[0].image_url).body == b"an image"


def test_missing_folder_is_reported_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"), running_web(folder_params(tmp_path / "missing")):
        raise AssertionError("it started")


def test_web_stops_on_exit_even_after_an_error() -> None:
    def fail_inside() -> None:
        with running_web(PARAMS) as url, closing(connect(url)) as connection:
            proxies.append(url)
            assert fetch(connection, f"http://{hosts.SEARCH}/").status == 200
            raise RuntimeError("inside")

    proxies: list[str] = []
    with pytest.raises(RuntimeError, match="inside"):
        fail_inside()
    with pytest.raises(ConnectionRefusedError):
        connect(proxies[0]).connect()


def test_web_ends_with_its_parent_process() -> None:
    command = [sys.executable, "-m", "demo_web"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(PARAMS.model_dump_json() + "\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        # The system closes the pipe of a killed process.
        process.stdin.close()
        assert process.wait(20) == 0


def test_failed_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(UserError, match="did not start"), running_web(PARAMS):
        raise AssertionError("it started")


def _seconds_for(connection: http.client.HTTPConnection, image: PlannedImage) -> float:
    started = time.monotonic()
    fetch(connection, image.image_url)
    return time.monotonic() - started
