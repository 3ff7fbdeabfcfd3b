"""A crawl of the live web that meets hostile addresses and headers gives each a row with a reason."""

import csv
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler

import pytest
from crawl_through import THROUGH
from odd_web import Answer, OddWeb, give, in_turn, respond, result, running_odd_web, search_page
from replicas import commons, openverse
from workspace import Workspace

JPEG = b"\xff\xd8\xff\xe0 an image as far as its first bytes go"
NO_ADDRESS = ("refused", "not a web address")
ASTRAY = ("refused", "it redirects to no web address")
NOT_PUBLIC = ("refused", "not an address of the public web")
FINE = ("ok", "")
NO_IMAGE = ("not_an_image", "not in a known image format")
NO_ANSWER = ("unreachable", "no connection (DownloadFailedError)")

ADDRESSES: dict[str, tuple[str, str]] = {
    "http://images.test:abc/1": NO_ADDRESS,
    "http://images.test:-1/": NO_ADDRESS,
    "http://images.test:99999999/": NO_ADDRESS,
    "http://images.test:0/": NO_ADDRESS,
    "http://[": NO_ADDRESS,
    "http://[::1": NO_ADDRESS,
    "http://[::1]/": NOT_PUBLIC,
    "http://images..test/": NO_ADDRESS,
    f"http://{'a' * 64}.test/": NO_ADDRESS,
    "http://user:secret@images.test/": NO_ADDRESS,
    "javascript:alert(1)": NO_ADDRESS,
    "http://localhost./": NOT_PUBLIC,
    "http://printer/": NOT_PUBLIC,
    "http://127.0.0.1.:80/": NOT_PUBLIC,
    "http://[::ffff:10.0.0.1]/": NOT_PUBLIC,
}
"""Addresses that a source names, with the row that each gives."""
CONTROL = {
    "nul": "http://images.test/nul\0",
    "crlf": "http://images.test/cr\r\nlf",
    "half": "http://images.test/\ud800",
}
"""Addresses that are read as one line of printable text."""


def to(location: str) -> Answer:
    """Redirect to `location`, given as bytes in Latin-1 that the server does not check."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location.encode("latin-1")
        )
        handler.wfile.write(b"\r\n\r\n")

    return answer


def raw(head: bytes, body: bytes = b"") -> Answer:
    """Answer with these bytes and close the connection."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head + b"\r\n\r\n" + body)
        handler.close_connection = True

    return answer


def later(when: str) -> Answer:
    """Answer 503 once with this Retry-After, and then with an image."""
    return in_turn(give(503, b"", {"Retry-After": when}), give(200, JPEG))


def page(body: bytes, content_type: str = "text/html") -> Answer:
    return give(200, body, {"Content-Type": content_type})


ANSWERS: dict[str, tuple[Answer, tuple[str, str]]] = {
    "port": (to("http://images.test:abc/"), ASTRAY),
    "negative": (to("http://images.test:-1/"), ASTRAY),
    "large-port": (to("//images.test:99999999/"), ASTRAY),
    "bracket": (to("http://["), ASTRAY),
    "label": (to(f"http://{'a' * 64}.test/"), ASTRAY),
    "credentials": (to("http://a:b@images.test/"), ASTRAY),
    "no-host": (to("http:///"), ("http_error", "404 Not Found")),
    "nul-host": (to("http://ima\0ges.test/"), ASTRAY),
    "latin": (to("http://images.test/\xff\xfe"), ("http_error", "404 Not Found")),
    "script": (to("javascript:alert(1)"), ASTRAY),
    "loop": (to("loop"), ("http_error", "max redirections reached")),
    "private": (to("http://2130706433/"), NOT_PUBLIC),
    "year": (later(f"Tue, 01 Jan {'9' * 20} 12:00:30 GMT"), FINE),
    "zone": (later(f"Tue, 01 Jan 2030 12:00:30 +{'9' * 12}"), FINE),
    "first-year": (later("Mon, 01 Jan 0001 00:00:00 +2300"), FINE),
    "digits": (later("9" * 6000), ("http_error", "503 Service Unavailable")),
    "latin-digits": (later("\xb2"), FINE),
    "refresh": (page(b'<meta http-equiv=refresh content="0;url=http://[">'), NO_IMAGE),
    "refresh-port": (page(b'<meta http-equiv=refresh content="0;url=http://a.test:a/">'), NO_IMAGE),
    "charset": (page(b"<p>text", "text/html; charset=rot13"), NO_IMAGE),
    "no-charset": (page(b"<p>text", "text/html; charset=\xff\0"), NO_IMAGE),
    "status": (raw(b"HTTP/1.1 999 \xff"), ("http_error", "999")),
    "no-status": (raw(b"HTTP/1.1 abc def"), NO_ANSWER),
    "no-http": (raw(b"\0\xff\xfe"), NO_ANSWER),
    "length": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: abc", JPEG), NO_ANSWER),
    "minus-length": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5", JPEG), NO_ANSWER),
    "two-lengths": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9", JPEG), NO_ANSWER),
    "huge-length": (raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000, JPEG), NO_ANSWER),
    "chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"zz\r\n" + JPEG),
        ("truncated", "the answer broke off"),
    ),
    "encoding": (raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip", b"abc"), NO_IMAGE),
    "no-colon": (raw(b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 3", b"abc"), NO_IMAGE),
}
"""Answers of the host of the images, with the row that each gives."""


def image(name: str) -> str:
    return f"http://images.test/{name}"


@pytest.fixture(scope="module")
def crawled(workspace_factory: Callable[[], Workspace]) -> tuple[dict[str, dict[str, str]], str, OddWeb]:
    """The rows of the manifest by the address that the source named, the log, and the web."""
    workspace = workspace_factory()
    workspace.write_params(
        {
            "classes": ["one", "two"],
            "distractors": [],
            "crawl.web": "live",
            "crawl.contact": "mailto:operator@example.org",
            "crawl.accepted_terms": ["openverse", "commons"],
            "crawl.images.per_query": 100,
            "crawl.images.largest_share": 1,
            "crawl.retries": 1,
            "crawl.timeout_s": 5,
        }
    )
    named = [image("first"), *ADDRESSES, *CONTROL.values(), *map(image, ANSWERS), image("last")]
    records = [openverse.record(number, url=url) for number, url in enumerate(named)]
    answers: Mapping[str, Answer] = {
        openverse.ROBOTS_URL: give(200, openverse.ROBOTS),
        commons.ROBOTS_URL: give(200, commons.ROBOTS),
        openverse.SEARCH: respond(partial(openverse.search, records)),
        commons.SEARCH: respond(partial(commons.search, [])),
        **{image(name): answer for name, (answer, _) in ANSWERS.items()},
        image("first"): give(200, JPEG),
        image("last"): give(200, JPEG),
    }
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    with (workspace.folder / "crawled" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["query"] == "one"]
    assert len(rows) == len(named)
    return dict(zip(named, rows, strict=True)), run.log, web


@pytest.mark.parametrize("address", ADDRESSES)
def test_hostile_address_gives_a_row_with_a_reason(crawled, address):
    row = crawled[0][address]
    assert (row["image_url"], row["status"], row["reason"]) == (address, *ADDRESSES[address])


@pytest.mark.parametrize("name", ANSWERS)
def test_hostile_answer_gives_a_row_with_a_reason(crawled, name):
    row, expected = crawled[0][image(name)], ANSWERS[name][1]
    assert (row["status"], row["reason"]) == expected
    assert bool(row["reason"]) == (row["status"] != "ok")
    assert bool(row["file"]) == (row["status"] == "ok")


@pytest.mark.parametrize("address", CONTROL.values(), ids=CONTROL)
def test_control_characters_never_reach_the_manifest(crawled, address):
    row = crawled[0][address]
    assert row["image_url"].isprintable()
    assert row["status"] in {"http_error", "refused"}


def test_crawl_keeps_the_images_before_and_after(crawled):
    assert [crawled[0][image(name)]["status"] for name in ("first", "last")] == ["ok", "ok"]
    assert "Traceback" not in crawled[1]
    assert {url.split("/")[2] for url in crawled[2].requests} <= {
        "api.openverse.org",
        "commons.wikimedia.org",
        "images.test",
    }


SCRIPTS = {
    "surrogate": 'document.querySelector("a").append("\\ud800\\udfff\\ud800"); document.title = "\\ud800"',
    "alert": 'alert("one\\n\\ud800 two"); ',
    "leaving": 'location.href = "http://["; history.pushState(1, "", "/\\ud800")',
    "unload": 'onbeforeunload = (event) => event.preventDefault(); print(); open("about:blank")',
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_hostile_script_ends_at_most_its_own_search(workspace, script):
    workspace.write_params(
        {"classes": ["one", "two"], "distractors": [], "crawl.timeout_s": 3, "crawl.retries": 0}
    )
    found = result(image("a.jpg")).replace('"', "&quot;")
    hostile = (
        f'<div id=results><a class=result data-result="{found}">1</a></div><p id=end>'
        f"<script>{script}</script>"
    )
    search = "http://search.herodex.test/search?q="
    answers = {
        f"{search}one": page(hostile.encode(), "text/html; charset=utf-8"),
        f"{search}two": search_page([result(image("a.jpg"))]),
        image("a.jpg"): give(200, JPEG),
    }
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    with (workspace.folder / "crawled" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert ("two", "ok") in {(row["query"], row["status"]) for row in rows}
    assert "one" in {row["query"] for row in rows} or "the search for 'one' failed: " in run.log
    assert "Traceback" not in run.log
