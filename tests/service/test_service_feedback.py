"""Reports of wrong answers over HTTP."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from tiny_service import COLOURS, make_project, serving

from herodex import paths
from herodex.feedback_inbox import read_inbox

PER_HOUR = 12
FEEDBACK = {"enabled": True, "license": "CC0 1.0", "max_mb": 0.05, "per_hour": PER_HOUR}
REPORT = {"class": "ocean", "answered": "cherry", "model": "abc123"}


def photo(colour: tuple[int, int, int] = COLOURS["cherry"]) -> bytes:
    """Encode an image with metadata."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "my home"
    Image.new("RGB", (64, 48), colour).save(file, "JPEG", exif=exif)
    return file.getvalue()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("feedback"), feedback=FEEDBACK)


@pytest.fixture(scope="module")
def reporter(project: Path) -> Iterator[httpx.Client]:
    """A client of a service that takes reports."""
    with serving(project) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def send(client: httpx.Client, data: bytes, **fields: str) -> httpx.Response:
    image = {"image": ("home.jpg", data, "image/jpeg")}
    return client.post("/api/feedback", data=REPORT | fields, files=image)


def test_service_takes_no_reports_by_default(client: httpx.Client) -> None:
    answer = send(client, photo())
    assert answer.status_code == 404
    assert "takes no reports" in answer.json()["error"]
    assert client.get("/api/about").json()["feedback"] is False


def test_reports_are_stored_checked_and_limited(reporter: httpx.Client, project: Path) -> None:
    inbox = project / paths.FEEDBACK / "inbox"
    about = reporter.get("/api/about").json()
    assert (about["feedback"], about["feedback_license"]) == (True, "CC0 1.0")
    model = reporter.post("/api/classify", files={"image": photo()}).json()["model"]

    answers = [send(reporter, photo(), model=model) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == 2 * [(200, {"stored": True})]
    ((sha256, [report]),) = read_inbox(project / paths.FEEDBACK).items()
    assert (report.label, report.answered, report.model) == ("ocean", "cherry", model)
    stored = (inbox / f"{sha256}.png").read_bytes()
    assert hashlib.sha256(stored).hexdigest() == sha256
    written = b"".join(file.read_bytes() for file in inbox.iterdir())
    assert not any(word in written for word in (b"home", b"127.0.0.1", b"python-httpx"))

    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    refusals = {
        send(reporter, bomb.getvalue()).status_code: 413,
        send(reporter, b"<script>alert(1)</script>").status_code: 415,
        send(reporter, photo(), **{"class": "<script>"}).status_code: 400,
    }
    assert all(found == expected for found, expected in refusals.items())
    missing = reporter.post("/api/feedback", files={"image": photo()})
    assert missing.status_code == 400
    assert "'class'" in missing.json()["error"]
    assert len(read_inbox(project / paths.FEEDBACK)) == 1

    statuses = [send(reporter, photo((place, 200, 90))).status_code for place in range(0, 90, 10)]
    assert 507 in statuses
    assert statuses[-1] == 429
    assert set(statuses) == {200, 507, 429}
    assert len(read_inbox(project / paths.FEEDBACK)) == 1 + statuses.count(200)
    # The limit of reports does not count other requests.
    assert reporter.post("/api/classify", files={"image": photo()}).status_code == 200
