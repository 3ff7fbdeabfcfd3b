"""The review server over HTTP."""

import io
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pandas as pd
import pytest
from fuzzing import same_examples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sharded import move_into_shards

from herodex.curation.review_decisions import read_review
from herodex.errors import UserError
from herodex.feedback_inbox import Report, store_report
from herodex.params import load_params
from herodex.review.loopback import listen
from herodex.review.manifest_review import Review
from herodex.review.server import create_server

PARAMS = load_params()
CAT = PARAMS.classes[0]
SHA, OTHER = "a" * 64, "d" * 64
HEADER = "sha256,decision,class\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """A client of a running server, and the file that the server writes."""
    (tmp_path / "cat").mkdir()
    for sha256, size in ((SHA, (300, 600)), (OTHER, (9, 9))):
        Image.new("RGB", size, "red").save(tmp_path / "cat" / f"{sha256}.png")
    (tmp_path / "secret.png").write_text("secret")
    row = {
        "query": CAT,
        "sha256": SHA,
        "file": f"cat/{SHA}.jpg",
        "label": CAT,
        "kept": "0",
        "dropped_for": "outlier",
        "score": "0.01",
        "label_quality": "0.01",
        "duplicate_of": "",
        "decided_by": "",
        "phash": "p",
        **dict.fromkeys(("page_url", "title", "author", "license", "looks_like", "width", "height"), ""),
    }
    other = {
        "sha256": OTHER,
        "file": f"cat/{OTHER}.jpg",
        "dropped_for": "near_duplicate",
        "duplicate_of": SHA,
    }
    manifest = pd.DataFrame([row, row | other])
    file = tmp_path / "review.csv"
    features = tmp_path / "features.npy"
    server = create_server(Review(manifest, PARAMS, tmp_path, file, tmp_path / "feedback", features))
    with listen(0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client:
                yield client, file
        finally:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            server.should_exit = True
            thread.join()


def decide(
    client: httpx.Client, sha256: str = SHA, decision: str = "keep", label: str = ""
) -> httpx.Response:
    return decide_all(client, {"sha256": sha256, "decision": decision, "class": label})


def decide_all(client: httpx.Client, *decisions: dict[str, str]) -> httpx.Response:
    return client.post("/decide", json={"decisions": decisions})


def test_decision_is_saved_before_the_response_and_can_be_withdrawn(server):
    client, file = server
    assert decide(client, label=CAT).json()["decisions"] == {SHA: {"decision": "keep", "class": CAT}}
    assert file.read_text() == f"{HEADER}{SHA},keep,{CAT}\n"
    assert decide(client, decision="drop").status_code == 200
    assert file.read_text() == f"{HEADER}{SHA},drop,\n"
    assert decide(client, decision="").status_code == 200
    assert file.read_text() == HEADER
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_orphaned_and_concurrently_written_lines_are_preserved(server):
    client, file = server
    file.write_text(f"{HEADER}{'b' * 64},drop,\n")
    assert client.get("/state").json()["orphaned"] == 1
    decide(client)
    assert file.read_text() == f"{HEADER}{'b' * 64},drop,\n{SHA},keep,\n"


def as_decision(sha256: str, decision: str, label: str = "") -> dict[str, str]:
    return {"sha256": sha256, "decision": decision, "class": label}


def test_decisions_together_are_written_together_and_withdrawn_together(server):
    client, file = server
    before = f"{HEADER}{SHA},keep,{CAT}\n"
    file.write_text(before)
    assert decide_all(client, as_decision(SHA, "drop"), as_decision(OTHER, "drop")).status_code == 200
    assert file.read_text() == f"{HEADER}{SHA},drop,\n{OTHER},drop,\n"
    assert decide_all(client, as_decision(SHA, "keep", CAT), as_decision(OTHER, "")).status_code == 200
    assert file.read_text() == before


@pytest.mark.parametrize("second", [as_decision("b" * 64, "drop"), as_decision(OTHER, "keep", "dragon")])
def test_no_decision_is_written_if_one_of_many_is_invalid(server, second):
    client, file = server
    assert decide_all(client, as_decision(SHA, "drop"), second).status_code in (400, 404)
    assert not file.exists()


def test_number_of_decisions_in_a_request_is_limited(server):
    client, file = server
    most = client.get("/state").json()["most_decisions"]
    assert decide_all(client, *[as_decision(SHA, "drop")] * most).status_code == 200
    assert file.read_text() == f"{HEADER}{SHA},drop,\n"
    assert decide_all(client, *[as_decision(SHA, "keep")] * (most + 1)).status_code == 400
    assert decide_all(client).status_code == 400
    assert file.read_text() == f"{HEADER}{SHA},drop,\n"


def test_thumbnails_are_small_webp_images_that_the_browser_keeps(server):
    client, file = server
    for side, size in ((192, (96, 192)), (480, (240, 480))):
        answer = client.get(f"/thumbnail/{side}/{SHA}")
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "private, max-age=86400"
        assert Image.open(io.BytesIO(answer.content)).size == size
    assert Image.open(io.BytesIO(client.get(f"/thumbnail/192/{OTHER}").content)).size == (9, 9)
    for path in (f"500/{SHA}", f"192/{'b' * 64}", "192/..%2fsecret", f"x/{SHA}"):
        assert client.get(f"/thumbnail/{path}").status_code == 404
    (file.parent / "cat" / f"{OTHER}.png").write_bytes(b"damaged")
    assert client.get(f"/thumbnail/480/{OTHER}").json() == {"error": "the image is damaged"}


def test_facts_name_the_kept_image_of_a_pair(server):
    client, _ = server
    facts = client.get(f"/facts/{OTHER}").json()
    assert facts["original"]["sha256"] == SHA
    assert facts["original"]["query"] == CAT
    assert client.get(f"/facts/{'b' * 64}").status_code == 404


def test_map_says_in_one_sentence_why_it_is_missing(server):
    client, file = server
    problem = client.get("/map").json()["problem"]
    assert (
        problem == f"There is no map because {file.parent / 'features.npy'} is missing; make run writes it."
    )


def test_invalid_file_is_reported_and_not_overwritten(server):
    client, file = server
    file.write_text("nonsense\n")
    answer = decide(client)
    assert answer.status_code == 409
    assert "first line" in answer.json()["error"]
    assert file.read_text() == "nonsense\n"


def test_file_that_cannot_be_written_is_reported(server):
    client, file = server
    file.mkdir()
    answer = decide(client)
    assert answer.status_code == 507
    assert answer.json()["error"] == f"{file} cannot be written: Is a directory"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"sha256": "b" * 64}, 404),
        ({"decision": "maybe"}, 400),
        ({"label": "dragon"}, 400),
        ({"decision": "drop", "label": CAT}, 400),
    ],
)
def test_invalid_decision_is_refused_and_not_written(server, asked, status):
    client, file = server
    assert decide(client, **asked).status_code == status
    assert not file.exists()


def unsized(body: bytes) -> Iterator[bytes]:
    """A body that is sent in chunks, without a Content-Length."""
    yield body


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 400),
        (b" " * 300_000, {"content-type": "application/json"}, 413),
        (unsized(b" " * 300_000), {"content-type": "application/json"}, 413),
        (
            b'{"decisions": [{"sha256": 1, "decision": 2, "class": 3}]}',
            {"content-type": "application/json"},
            400,
        ),
    ],
    ids=["not JSON", "cut off", "no object", "too long", "too long, in chunks", "wrong types"],
)
def test_malformed_body_is_refused(server, body, headers, status):
    client, _ = server
    assert client.post("/decide", content=body, headers=headers).status_code == status


def test_only_images_of_the_manifest_are_served(server):
    client, _ = server
    answer = client.get(f"/image/{SHA}")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, max-age=86400"
    for path in ("/image/..%2fsecret", "/image/../secret.png", "/secret.png", "/image/", "/review.csv"):
        assert client.get(path).status_code == 404


def test_images_in_shards_are_served_and_a_missing_shard_is_reported(server):
    client, file = server
    expected = client.get(f"/image/{SHA}").content
    move_into_shards(file.parent)
    assert client.get(f"/image/{SHA}").content == expected
    (shard,) = file.parent.glob("*.parquet")
    shard.unlink()
    (file.parent / "shards.json").touch()
    answer = client.get(f"/image/{SHA}")
    assert answer.status_code == 409
    assert f"{shard.name} is missing" in answer.json()["error"]


@pytest.mark.parametrize(
    "path", ["/", "/review.js", "/map.js", "/base.css", "/review.css", "/icon.svg", "/state", "/map"]
)
def test_responses_restrict_the_browser_and_are_not_cached(server, path):
    client, _ = server
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"host": "127.0.0.1"}, {"origin": "null"}],
)
def test_request_for_another_host_or_from_another_page_is_refused(server, headers):
    client, file = server
    refused = client.get("/state", headers=headers)
    assert refused.status_code == 403
    assert refused.headers["connection"] == "close"
    body = {"decisions": [{"sha256": SHA, "decision": "drop", "class": ""}]}
    answer = client.post("/decide", json=body, headers=headers)
    assert answer.status_code == 403
    assert not file.exists()


def answers_to(port: int, request: bytes, wait_s: float = 60) -> bytes:
    """Send bytes to the server and return all that it answers until it closes or waits for more."""
    with socket.create_connection(("127.0.0.1", port), wait_s) as connection:
        answer = b""
        # The server may close before it has read the whole request.
        with suppress(ConnectionError, TimeoutError):
            connection.sendall(request)
            while chunk := connection.recv(4096):
                answer += chunk
    return answer


POST = b"POST /decide HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
GET = b"GET %s HTTP/1.1\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (GET % b"http://[", b""),
        (GET % b"http://[::1/state", b""),
        (GET % b"state", b""),
        (b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n", b""),
        (GET % b"/\0", b""),
        (POST + b"Content-Length: 4000\r\n", b"[" * 4000),
        (POST + b"Content-Length: 4000\r\n", b'{"a":' * 800),
        (POST + b"Content-Length: 4000\r\n", b"9" * 4000),
        (POST + b"Content-Length: 6\r\n", b"\xff\xfe\xff\xfe\xff\xfe"),
        (
            POST + b"Content-Length: 66\r\n",
            b'{"decisions":[{"sha256":"\\ud800","decision":"keep","class":"\\0"}]}',
        ),
        (POST + b"Content-Length: " + b"9" * 5000 + b"\r\n", b"{}"),
        (POST + b"Content-Length: -5\r\n", b"{}"),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
        (POST + b"Transfer-Encoding: chunked\r\n", b"f" * 5000 + b"\r\n{}"),
        (GET % b"/state" + b"Content-Length: abc\r\n", b""),
    ],
)
def test_malformed_request_gets_one_clean_400(server, caplog, head, body):
    client, file = server
    port = client.base_url.port
    answer = answers_to(port, head + b"Host: 127.0.0.1:%d\r\n\r\n" % port + body)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert "Traceback" not in caplog.text
    assert not file.exists()
    assert client.get("/state").status_code == 200


METHODS = st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"", b"\0"]) | st.binary(max_size=8)
TARGETS = st.sampled_from([b"/", b"/state", b"/decide", b"/image/" + SHA.encode()]) | st.binary(max_size=40)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Content-Type: application/json",
            b"Transfer-Encoding: chunked",
            b"Origin: http://evil.test",
            b"Upgrade: websocket",
            b"Expect: 100-continue",
        ]
    )
    | st.binary(max_size=40),
    max_size=4,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([SHA, CAT, "keep"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)
DECISIONS = st.fixed_dictionaries({}, optional=dict.fromkeys(("sha256", "decision", "class", "more"), VALUES))
BODIES = st.binary(max_size=60) | st.lists(DECISIONS | VALUES, max_size=2).map(
    lambda decisions: json.dumps({"decisions": decisions}).encode()
)


@same_examples(300)
@given(METHODS, TARGETS, HEADERS, BODIES, st.booleans())
def test_any_request_is_answered_or_closed_and_leaves_the_decisions_readable(
    server, caplog, method, target, headers, body, with_host
):
    client, file = server
    port = client.base_url.port
    host = [b"Host: 127.0.0.1:%d" % port, b"Content-Length: %d" % len(body)] if with_host else []
    head = b"\r\n".join([method + b" " + target + b" HTTP/1.1", *host, *headers, b"Connection: close"])
    answer = answers_to(port, head + b"\r\n\r\n" + body, wait_s=0.2)
    assert answer[:10] in {b"", b"HTTP/1.1 1", b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4"}
    assert "Traceback" not in caplog.text
    assert client.get("/state").status_code == 200
    assert set(read_review(file, PARAMS)) <= {SHA}


def test_body_that_breaks_off_is_no_error_of_the_server(server, caplog):
    client, _ = server
    port = client.base_url.port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(POST + b"Host: 127.0.0.1:%d\r\nContent-Length: 99\r\n\r\n{" % port)
    assert client.get("/state").status_code == 200
    assert "Exception in ASGI" not in caplog.text


DECIDE_MANY = """
import sys
from pathlib import Path
import pandas as pd
from herodex.params import load_params
from herodex.review.manifest_review import DecisionRequest, Review
file, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
hashes = [f"{number:064x}" for number in range(first, first + count)]
rows = pd.DataFrame({"sha256": hashes, "file": hashes, "phash": "p"})
review = Review(rows, load_params(), file.parent, file)
review.__dict__["board"] = {"labels": []}
for sha256 in hashes:
    review.decide([DecisionRequest.model_validate({"sha256": sha256, "decision": "drop", "class": ""})])
"""


def test_two_servers_lose_no_decision_of_each_other(tmp_path):
    file, count = tmp_path / "data" / "review.csv", 60
    started = [
        subprocess.Popen([sys.executable, "-c", DECIDE_MANY, str(file), str(first), str(count)])
        for first in (0, count, 2 * count)
    ]
    assert [each.wait(120) for each in started] == [0, 0, 0]
    lines = file.read_text().splitlines()[1:]
    assert sorted(lines) == [f"{number:064x},drop," for number in range(3 * count)]
    assert [path.name for path in file.parent.iterdir()] == ["review.csv"]


def test_port_in_use_is_reported():
    with listen(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=f"Port {port} is already in use"):
            listen(port)


def test_invalid_port_is_reported():
    with pytest.raises(UserError, match="Port 99999 is outside"):
        listen(99999)


def test_reported_image_is_accepted_only_as_a_known_class(server):
    client, file = server
    feedback = file.parent / "feedback"
    report = Report("b" * 64, CAT, "unknown", "abc", "CC0 1.0", "2026-01-02T03:04Z")
    store_report(feedback, report, b"png", 1e6)
    assert client.get(f"/reported/{report.sha256}").content == b"png"
    for sha256, label, status in (
        ("c" * 64, CAT, 404),
        ("../secret", CAT, 404),
        (report.sha256, "dragon", 400),
    ):
        assert client.post("/feedback", json={"sha256": sha256, "class": label}).status_code == status
    assert client.post("/feedback", content=b"{}").status_code == 415
    assert client.get("/reported/..%2fsecret").status_code == 404
    asked, headers = {"sha256": report.sha256, "class": CAT}, {"Origin": "http://evil.test"}
    assert client.post("/feedback", json=asked, headers=headers).status_code == 403
    assert len(client.get("/inbox").json()["images"]) == 1
    assert client.post("/feedback", json=asked).json()["images"] == []
    assert (feedback / "accepted" / CAT / f"{report.sha256}.png").read_bytes() == b"png"
