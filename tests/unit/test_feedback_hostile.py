"""A thousand hostile reports of wrong answers, sent through the limits and checks of the service."""

import asyncio
import hashlib
import io
import random
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from demo_web_params import demo_params
from PIL import Image
from starlette.applications import Starlette
from starlette.types import ASGIApp

from herodex.feedback_inbox import count_bytes, read_inbox, rejected
from herodex.params import UNKNOWN, FeedbackParams
from herodex.review.feedback import FeedbackReview
from herodex.serving import endpoints
from herodex.serving.decoder import DecodeLimits, Decoders
from herodex.serving.feedback import feedback_route, keep
from herodex.serving.guard import Guard
from herodex.serving.rate_limit import RateLimit

PARAMS = demo_params()
ANSWERS = [*PARAMS.classes, UNKNOWN]
FIELDS = {"class": ANSWERS[0], "answered": ANSWERS[1], "model": "abc123"}
MAX_UPLOAD, PER_HOUR, MAX_MB = 200_000, 60, 1
SETTINGS = FeedbackParams(enabled=True, license="CC0 1.0", max_mb=MAX_MB, per_hour=PER_HOUR)
LIMITS = DecodeLimits(max_pixels=1_000_000, max_jpeg_pixels=1_000_000, max_side=256)
REPORTS, FLOOD = 1000, 300
EVIL = b"<script>alert('evil')</script>"
TEXTS = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "'; DROP TABLE images; --", "{{7*7}}"),
    *("../../../../etc/cron.d/evil", "..\\..\\evil", "/etc/passwd", "%2e%2e%2fevil", "accepted/../../evil"),
    *(
        "",
        " ",
        "a" * 5000,
        "\x00",
        "evil\x00.png",
        "\u202egnp",
        "ant\r\nX-Evil: 1",
        "null",
        "[]",
        "NaN",
        "-1",
    ),
]
NAMES = ["../../evil.png", "..\\evil.png", "/etc/evil", "evil\x00.png", "<script>.png", "a" * 3000, "con"]


def encoded(size: tuple[int, int], colour: object, kind: str = "PNG", mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, colour).save(file, kind)  # pyright: ignore[reportArgumentType]
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Make a chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(png: bytes, kind: bytes, data: bytes) -> bytes:
    """Insert a chunk after the header of a PNG."""
    return png[:33] + chunk(kind, data) + png[33:]


def hostile_files() -> list[bytes]:
    """Return bombs, other formats and damaged or mixed files."""
    png, jpeg = encoded((40, 30), "teal"), encoded((40, 30), "teal", "JPEG")
    inflated = zlib.compress(bytes(30_000_000), 9)
    start = jpeg.index(b"\xff\xc0") + 5
    huge = png[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + png[24:29]
    return [
        encoded((9000, 9000), 1, mode="1"),
        with_chunk(png, b"zTXt", b"Comment\0\0" + inflated),
        with_chunk(png, b"iCCP", b"evil\0\0" + inflated),
        with_chunk(png, b"iTXt", b"evil\0\1\0\0\0" + inflated),
        png[:33] + chunk(b"IDAT", inflated) + chunk(b"IEND", b""),
        huge + struct.pack(">I", zlib.crc32(huge[12:])) + png[33:],
        jpeg[:start] + struct.pack(">HH", 65535, 65535) + jpeg[start + 4 :],
        *(encoded((40, 30), "teal", kind) for kind in ("GIF", "BMP", "TIFF")),
        *(
            EVIL,
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"%PDF-1.7",
            b"PK\x03\x04evil",
            b"\x7fELF",
            b"",
        ),
        *(png[:-20], png[:20], png[:60] + b"\xff" * 9 + png[69:], random.Random(1).randbytes(9000)),
        bytes(MAX_UPLOAD + 1),
    ]


def hostile_reports(number: int) -> Iterator[dict[str, Any]]:
    """Make the requests of clients that try everything but a flood."""
    png, files, rng = encoded((40, 30), "teal"), hostile_files(), random.Random(2)
    for place in range(number):
        field, text = rng.choice(list(FIELDS)), rng.choice(TEXTS)
        colour = (place % 256, place // 256, 7)
        valid = encoded((16, 12), colour)
        image = {"image": ("a.png", png, "image/png")}
        yield rng.choice(
            [
                {"data": FIELDS, "files": {"image": ("a.png", rng.choice(files), "image/png")}},
                {"data": FIELDS, "files": {"image": ("a.png", rng.choice(files), "text/html")}},
                {"data": FIELDS | {field: text}, "files": image},
                # Valid but for their names and what hangs on them.
                {"data": FIELDS, "files": {"image": (rng.choice(NAMES), valid + EVIL, "image/png")}},
                {
                    "data": FIELDS,
                    "files": {"image": ("a.png", with_chunk(valid, b"tEXt", b"a\0" + EVIL), "")},
                },
                {"data": FIELDS | {"class": [ANSWERS[0], text]}, "files": image},
                {"data": FIELDS | {text[:50] or "x": "x"}, "files": image},
                {"data": FIELDS, "files": {**image, "evil": ("b.png", png, "image/png")}},
                {"data": FIELDS, "files": [("image", image["image"])] * 2},
                {"data": {field: FIELDS[field]}, "files": image},
                {"data": {}, "files": {**image, **dict.fromkeys(FIELDS, ("x", b"x"))}},
                {"json": FIELDS | {"image": [1, None, {"a": text}]}},
                {"data": FIELDS | {"image": "http://127.0.0.1:9/evil.png"}},
                {"content": png, "headers": {"content-type": "image/png"}},
                {"content": EVIL * 99, "headers": {"content-type": "multipart/form-data; boundary=x"}},
                {"content": EVIL, "headers": {"content-type": "multipart/form-data"}},
                {"method": rng.choice(["GET", "PUT", "DELETE", "TRACE"]), "data": FIELDS, "files": image},
            ]
        )


def flood(number: int) -> Iterator[dict[str, Any]]:
    """Make valid reports, each on another image."""
    for place in range(number):
        image = encoded((16, 12), (place % 256, place // 256, 99))
        yield {"data": FIELDS, "files": {"image": ("a.png", image, "image/png")}}


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """The processes that decode images."""
    decoders = Decoders()
    yield decoders
    decoders.close()


def service(feedback: Path, decoders: Decoders) -> ASGIApp:
    """Assemble the part of the service that takes reports."""
    app = Starlette(routes=[feedback_route(feedback, SETTINGS)])
    guard = Guard(app, MAX_UPLOAD, lambda: LIMITS, 20, 64, decoders, lambda: ANSWERS)
    return RateLimit(guard, PER_HOUR / 60, PER_HOUR, "X-Real-IP", path=endpoints.FEEDBACK)


async def send_all(app: ASGIApp, requests: list[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    """Send requests, eight at a time, each with its client's address."""
    slots = asyncio.Semaphore(8)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60) as client:

        async def send(address: str, request: dict[str, Any]) -> httpx.Response:
            async with slots:
                headers = {"X-Real-IP": address, **request.pop("headers", {})}
                return await client.request(
                    request.pop("method", "POST"), endpoints.FEEDBACK, headers=headers, **request
                )

        return await asyncio.gather(*(send(*request) for request in requests))


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def feedback(tmp_path: Path) -> Path:
    """A folder of feedback in a project, with an accepted, a rejected and a waiting report."""
    folder = tmp_path / "project/data/feedback"
    review = FeedbackReview(folder, PARAMS)
    for colour, label in (("red", PARAMS.classes[0]), ("blue", ""), ("green", None)):
        before = set(read_inbox(folder))
        keep(folder, SETTINGS, Image.new("RGB", (40, 30), colour), FIELDS)
        (sha256,) = set(read_inbox(folder)) - before
        if label is not None:
            assert review.decide(sha256, label)
    (tmp_path / "project/params.yaml").write_text("seed: 1\n")
    return folder


def outside(feedback: Path) -> dict[str, bytes]:
    """Read all files beside the inbox, in the folder above the project too."""
    files = tree(feedback.parents[2])
    return {name: data for name, data in files.items() if "/feedback/inbox/" not in name}


def test_a_thousand_hostile_reports_change_the_quarantine_alone(feedback, decoders):
    waiting, before = tree(feedback / "inbox"), outside(feedback)
    clients = [f"10.0.{place % 40}.1" for place in range(REPORTS - FLOOD)]
    others = list(zip(clients, hostile_reports(REPORTS - FLOOD), strict=True))
    flooding = [("10.9.9.9", request) for request in flood(FLOOD)]
    answers = asyncio.run(send_all(service(feedback, decoders), [*flooding, *others]))

    assert len(answers) == REPORTS
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 400, 405, 413, 415, 422, 429, 507}
    refused = [answer.json() for answer in answers if answer.status_code != 200 and answer.content]
    assert all(set(fields) == {"error", "hint"} for fields in refused)
    # A window of the limit may end during the flood.
    flooded = Counter(answer.status_code for answer in answers[:FLOOD])
    assert flooded[429] >= FLOOD - 2 * PER_HOUR

    assert outside(feedback) == before
    inbox = tree(feedback / "inbox")
    assert waiting.items() <= inbox.items()
    assert count_bytes(feedback / "inbox") <= MAX_MB * 1e6
    assert not any(EVIL in data or b"evil" in data for data in inbox.values())
    stored = read_inbox(feedback)
    # Some images repeat, which stores nothing.
    assert len(waiting) < len(inbox) == 2 * len(stored) <= 2 * (statuses[200] + 1)
    for sha256, (report,) in stored.items():
        png = inbox[f"{sha256}.png"]
        assert hashlib.sha256(png).hexdigest() == sha256
        assert Image.open(io.BytesIO(png)).size in {(40, 30), (16, 12)}
        assert (report.label, report.answered, report.license) == (ANSWERS[0], ANSWERS[1], "CC0 1.0")
    # A person can still decide about each.
    review = FeedbackReview(feedback, PARAMS)
    assert {image["sha256"] for image in review.state()["images"]} == set(stored)


STORE = """
import resource, sys
from pathlib import Path
from PIL import Image
from herodex.params import FeedbackParams
from herodex.serving.client_error import ClientError
from herodex.serving.feedback import keep
settings = FeedbackParams(enabled=True, license="CC0 1.0")
fields = {"class": sys.argv[2], "answered": sys.argv[3], "model": "abc123"}
noise = Image.effect_noise((200, 200), 90).convert("RGB")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
for limit in (0, 100, 10_000, most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))
    try:
        keep(Path(sys.argv[1]), settings, noise, fields)
        print("stored")
    except ClientError as error:
        print(error.status, error.reason)
"""
"""Stores a report while the system refuses writes beyond so many bytes of a file, as a full disk does."""


def test_failed_writes_leave_no_part_and_no_earlier_report_is_lost(feedback):
    before = tree(feedback)
    command = [sys.executable, "-c", STORE, str(feedback), *ANSWERS[:2]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["503 disk"] * 3 + ["stored"]
    assert "could not be stored" in done.stderr
    after = tree(feedback)
    assert before.items() <= after.items()
    assert sorted(Path(name).suffix for name in after.keys() - before.keys()) == [".json", ".png"]
    assert len(rejected(feedback)) == 1
