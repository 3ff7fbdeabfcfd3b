"""Requests as they should not be, to a real server over HTTP: each gets a clear no, none a 500."""

import io
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

PART = b'--b\r\ncontent-disposition: form-data; name="image"; filename="x"\r\n\r\n'
JPEG_START = b"\xff\xd8"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def noise(kind: str, size: tuple[int, int] = (120, 90)) -> bytes:
    """Encode a picture that does not compress to nothing."""
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind)
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A small PNG whose header promises that many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        PNG_SIGNATURE
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def animated_gif() -> bytes:
    """A GIF of many frames."""
    file = io.BytesIO()
    frames = [Image.new("P", (8, 8), colour) for colour in range(50)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def chunks(size: int) -> Iterator[bytes]:
    """A form with one file, sent in chunks, without a length."""
    yield PART
    for _ in range(size // 2**16):
        yield bytes(2**16)


def file(
    data: bytes, name: str = "image", filename: str = "x.png", kind: str = "image/png"
) -> dict[str, object]:
    """A form with one file."""
    return {"files": {name: (filename, data, kind)}}


def raw(content: object, content_type: str | bytes | None) -> dict[str, object]:
    """A body with a content type of one's own."""
    return {"content": content, "headers": {"content-type": content_type} if content_type else {}}


UPLOADS: dict[str, tuple[int, Callable[[], dict[str, object]]]] = {
    "junk": (415, lambda: file(b"\x00\x01\x02" * 500)),
    "an empty file": (400, lambda: file(b"")),
    "an SVG": (415, lambda: file(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")),
    "a PDF called PNG": (415, lambda: file(b"%PDF-1.7\n" + bytes(500))),
    "HTML called JPEG": (415, lambda: file(b"<html><script>1</script></html>", kind="image/jpeg")),
    "a GIF of many frames": (415, lambda: file(animated_gif())),
    "a BMP": (415, lambda: file(noise("BMP"))),
    "a truncated JPEG": (422, lambda: file(noise("JPEG")[:-2000])),
    "a truncated PNG": (422, lambda: file(noise("PNG")[:-2000])),
    "a truncated WebP": (422, lambda: file(noise("WEBP")[:-200])),
    "a header and nothing else": (415, lambda: file(PNG_SIGNATURE)),
    "a bomb of 169 MP": (413, lambda: file(png_that_claims(13_000, 13_000))),
    "a bomb of 1000 MP": (413, lambda: file(png_that_claims(100_000, 10_000))),
    "a JPEG of a million comments": (422, lambda: file(JPEG_START + b"\xff\xfe\x00\x02" * 1_000_000)),
    "an address in the field": (400, lambda: {"files": {"image": (None, "http://127.0.0.1:9/x.png")}}),
    "a form without a part": (400, lambda: raw(b"--b--\r\n", "multipart/form-data; boundary=b")),
    "a part of another name": (400, lambda: file(noise("PNG"), name="picture")),
    "two files": (
        400,
        lambda: {"files": [("image", ("a.png", noise("PNG"))), ("image", ("b.png", noise("PNG")))]},
    ),
    "a file and a field": (400, lambda: {**file(noise("PNG")), "data": {"precision": "f32"}}),
    "a thousand parts": (400, lambda: {"files": [(f"f{n}", ("x", b"x")) for n in range(1000)]}),
    "a form without a boundary": (400, lambda: raw(noise("PNG"), "multipart/form-data")),
    "a form cut off": (
        400,
        lambda: raw(b"--b\r\ncontent-disposition: form-da", "multipart/form-data; boundary=b"),
    ),
    "a bare picture": (415, lambda: raw(noise("PNG"), "image/png")),
    "JSON": (415, lambda: {"json": {"image": "http://127.0.0.1:9/x.png"}}),
    "an address as the body": (415, lambda: raw(b"http://127.0.0.1:9/x.png", "text/plain")),
    "no content type": (415, lambda: raw(noise("PNG"), None)),
    "a pickle": (415, lambda: raw(b"\x80\x04N.", "application/vnd.bentoml+pickle")),
    "a content type of odd bytes": (415, lambda: raw(b"x", b"\xff\xfe")),
    "a file of 12 MB": (413, lambda: file(bytes(12 * 2**20))),
    "40 MB in chunks": (413, lambda: raw(chunks(40 * 2**20), "multipart/form-data; boundary=b")),
}

REQUESTS: dict[str, tuple[int, Callable[[], dict[str, object]]]] = {
    "no body": (415, dict),
    "an empty body": (400, lambda: raw(b"", "application/json")),
    "half an object": (400, lambda: raw(b'{"count": 5, ', "application/json")),
    "not an object": (400, lambda: {"json": [5, 1.0]}),
    "nothing in it": (400, lambda: {"json": {}}),
    "too many": (400, lambda: {"json": {"count": 16, "temperature": 1}}),
    "none": (400, lambda: {"json": {"count": 0, "temperature": 1}}),
    "a count of words": (400, lambda: {"json": {"count": "five", "temperature": 1}}),
    "too hot": (400, lambda: {"json": {"count": 5, "temperature": 1e308}}),
    "no number": (400, lambda: raw(b'{"count": 5, "temperature": NaN}', "application/json")),
    "a huge number": (
        400,
        lambda: raw(b'{"count": 1%s, "temperature": 1}' % (b"0" * 3500), "application/json"),
    ),
    "a negative seed": (400, lambda: {"json": {"count": 5, "temperature": 1, "seed": -1}}),
    "an unknown field": (400, lambda: {"json": {"count": 5, "temperature": 1, "args": []}}),
    "a deep nest": (400, lambda: raw(b"[" * 4000, "application/json")),
    "a count of 0": (400, lambda: {"json": {"count": 0, "temperature": 1}}),
    "a count of 1.5": (400, lambda: {"json": {"count": 1.5, "temperature": 1}}),
    "a count of x": (400, lambda: {"json": {"count": "x", "temperature": 1}}),
    "a temperature of 0": (400, lambda: {"json": {"count": 5, "temperature": 0}}),
    "a temperature of 1e9": (400, lambda: {"json": {"count": 5, "temperature": 1e9}}),
    "a temperature of NaN": (400, lambda: raw(b'{"count": 5, "temperature": NaN}', "application/json")),
    "a prefix of 500": (400, lambda: {"json": {"count": 5, "temperature": 1, "prefix": "a" * 500}}),
    "a prefix of control characters": (
        400,
        lambda: {"json": {"count": 5, "temperature": 1, "prefix": "a\x00\x1b[2J"}},
    ),
    "a prefix from right to left": (422, lambda: {"json": {"count": 5, "temperature": 1, "prefix": "שלום"}}),
    "a prefix of emoji": (422, lambda: {"json": {"count": 5, "temperature": 1, "prefix": "🦊"}}),
    "10 MB": (413, lambda: raw(bytes(10 * 2**20), "application/json")),
    "a long body": (413, lambda: raw(b" " * 100_000, "application/json")),
    "a form": (415, lambda: {"data": {"count": "5", "temperature": "1"}}),
    "a pickle": (415, lambda: raw(b"\x80\x04N.", "application/vnd.bentoml+pickle")),
}


def assert_refused(response: httpx.Response, status: int) -> None:
    """The answer has this status, and says what is wrong and what to do."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error", "hint"}
    assert all(isinstance(text, str) and text for text in response.json().values())
    assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("case", UPLOADS)
def test_a_hostile_upload_is_refused(client: httpx.Client, case: str) -> None:
    status, request = UPLOADS[case]
    response = client.post("/api/classify", **request())  # type: ignore[arg-type]
    assert_refused(response, status)


@pytest.mark.parametrize("case", REQUESTS)
def test_a_hostile_request_for_names_is_refused(client: httpx.Client, case: str) -> None:
    status, request = REQUESTS[case]
    response = client.post("/api/names", **request())  # type: ignore[arg-type]
    assert_refused(response, status)
    told = " ".join(response.json().values())
    assert "count" in told or "prefix" in told


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"names": []}'),
        (400, b'{"names": ["x", 7]}'),
        (400, b'{"names": ["\\u0000"]}'),
        (400, b'{"names": ["\\ud800"]}'),
        (400, b'{"names": ["' + b"x" * 101 + b'"]}'),
        (413, b"[" * 10 * 2**20),
    ],
)
def test_a_hostile_request_for_scores_is_refused(client: httpx.Client, status: int, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/api/names/score", content=body, headers=headers)
    assert_refused(response, status)
    assert "1 to 100 texts" in response.json()["hint"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/classify", 405),
        ("PUT", "/api/names", 405),
        ("GET", "/api/names/score", 405),
        ("POST", "/api/quote", 405),
        ("OPTIONS", "/api/classify", 405),
        ("GET", "/api/", 404),
        ("POST", "/api/unheard-of", 404),
    ],
)
def test_a_wrong_method_or_address_is_refused(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    assert_refused(client.request(method, path), status)


def test_a_spoilt_exif_block_does_not_keep_a_picture_from_being_seen(client: httpx.Client) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    Image.new("RGB", (64, 48), (220, 20, 20)).save(data, "JPEG", exif=exif)
    spoilt = data.getvalue().replace(b"Exif\x00\x00MM\x00*", b"Exif\x00\x00M<\x00*")
    assert spoilt != data.getvalue()
    response = client.post("/api/classify", **file(spoilt))  # type: ignore[arg-type]
    assert response.json()["label"] == "cherry"


def test_an_upload_is_refused_while_it_streams_in(client: httpx.Client) -> None:
    address = client.base_url
    with socket.create_connection((address.host, address.port or 80), timeout=60) as connection:
        connection.sendall(
            b"POST /api/classify HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n"
            b"content-type: multipart/form-data; boundary=b\r\n\r\n"
        )
        connection.sendall(PART + bytes(10 * 2**20))
        status = connection.recv(100)
    assert b" 413 " in status


def test_the_server_still_answers_after_all_that_and_has_logged_no_crash(
    client: httpx.Client, tiny_project: Path
) -> None:
    log = (tiny_project / "server.log").read_text(encoding="utf-8")
    assert "Traceback" not in log
    response = client.post("/api/names", json={"count": 1, "temperature": 1})
    assert response.status_code == 200
