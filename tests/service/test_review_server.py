"""The review page's server over HTTP: what it answers, and to whom."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pandas as pd
import pytest
from PIL import Image

from herodex.params import load_params
from herodex.review.server import Review, ReviewServer

PARAMS = load_params()
CAT = PARAMS.classes[0]
SHA = "a" * 64
HEADER = "sha256,decision,class\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """A client of a running server, and the file that it writes."""
    (tmp_path / "cat").mkdir()
    Image.new("RGB", (9, 9), "red").save(tmp_path / "cat" / f"{SHA}.png")
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
    file = tmp_path / "review.csv"
    review = Review(pd.DataFrame([row]), PARAMS, tmp_path, file)
    with ReviewServer(0, review) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
                yield client, file
        finally:
            server.shutdown()
            thread.join()


def decide(
    client: httpx.Client, sha256: str = SHA, decision: str = "keep", label: str = ""
) -> httpx.Response:
    return client.post("/decide", json={"sha256": sha256, "decision": decision, "class": label})


def test_a_decision_is_in_the_file_when_it_is_answered_and_can_be_taken_back(server):
    client, file = server
    assert decide(client, label=CAT).json()["decisions"] == {SHA: {"decision": "keep", "class": CAT}}
    assert file.read_text() == f"{HEADER}{SHA},keep,{CAT}\n"
    assert decide(client, decision="drop").status_code == 200
    assert file.read_text() == f"{HEADER}{SHA},drop,\n"
    assert decide(client, decision="").status_code == 200
    assert file.read_text() == HEADER
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_lines_about_images_that_are_gone_and_lines_written_meanwhile_stay(server):
    client, file = server
    file.write_text(f"{HEADER}{'b' * 64},drop,\n")
    assert client.get("/state").json()["gone"] == 1
    decide(client)
    assert file.read_text() == f"{HEADER}{'b' * 64},drop,\n{SHA},keep,\n"


def test_a_file_spoilt_by_hand_is_told_and_not_written_over(server):
    client, file = server
    file.write_text("nonsense\n")
    answer = decide(client)
    assert answer.status_code == 409
    assert "first line" in answer.json()["error"]
    assert file.read_text() == "nonsense\n"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"sha256": "b" * 64}, 404),
        ({"decision": "maybe"}, 400),
        ({"label": "dragon"}, 400),
        ({"decision": "drop", "label": CAT}, 400),
    ],
)
def test_what_is_no_decision_is_refused_and_writes_nothing(server, asked, status):
    client, file = server
    assert decide(client, **asked).status_code == status
    assert not file.exists()


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{", {"content-type": "application/json"}, 400),
        (b"[]", {"content-type": "application/json"}, 400),
        (b" " * 5000, {"content-type": "application/json"}, 413),
        (b'{"sha256": 1, "decision": 2, "class": 3}', {"content-type": "application/json"}, 400),
    ],
)
def test_bodies_of_any_other_form_are_refused(server, body, headers, status):
    client, _ = server
    assert client.post("/decide", content=body, headers=headers).status_code == status


def test_images_of_the_manifest_are_served_and_no_other_file_is(server):
    client, _ = server
    assert client.get(f"/image/{SHA}").headers["content-type"] == "image/png"
    for path in ("/image/..%2fsecret", "/image/../secret.png", "/secret.png", "/image/", "/review.csv"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/review.js", "/base.css", "/review.css", "/icon.svg", "/state"])
def test_every_answer_forbids_the_browser_what_the_page_never_asks(server, path):
    client, _ = server
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"host": "127.0.0.1"}, {"origin": "null"}],
)
def test_other_names_and_other_pages_are_refused(server, headers):
    client, file = server
    refused = client.get("/state", headers=headers)
    assert refused.status_code == 403
    assert refused.headers["connection"] == "close"
    answer = client.post("/decide", json={"sha256": SHA, "decision": "drop", "class": ""}, headers=headers)
    assert answer.status_code == 403
    assert not file.exists()
