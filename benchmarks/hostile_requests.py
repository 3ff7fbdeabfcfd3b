"""Hostile and malformed requests with the status that each gets.

A few are unusual but valid: they are answered, and content hidden in them has no effect.
"""

import functools
import gzip
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from PIL import Image

CLASSIFY, NAMES, SCORE, QUOTE = "/api/classify", "/api/names", "/api/names/score", "/api/quote"
FORM = "multipart/form-data; boundary=b"
PART = b'--b\r\ncontent-disposition: form-data; name="image"; filename="x"\r\n\r\n'
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8"
MB = 2**20


class Hostile(NamedTuple):
    """A request with its expected status and its options for httpx."""

    method: str
    path: str
    status: int
    options: Callable[[], dict[str, object]]


def encoded(kind: str, size: tuple[int, int] = (120, 90), **options: object) -> bytes:
    """Encode an image of noise, which does not compress well."""
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind, **options)
    return file.getvalue()


@functools.cache
def animated(kind: str, frames: int) -> bytes:
    """Encode an image of many frames."""
    file = io.BytesIO()
    first, *others = [Image.new("RGB", (4, 4), (frame % 256, frame // 256, 9)) for frame in range(frames)]
    first.save(file, kind, save_all=True, append_images=others)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """Encode a chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, pixels: bytes = bytes(1000), more: bytes = b"") -> bytes:
    """Encode a grey PNG whose header declares a size, whatever its pixels hold."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(pixels))
    return PNG_SIGNATURE + chunk(b"IHDR", header) + more + data + chunk(b"IEND", b"")


def packed(name: bytes) -> bytes:
    """Encode a PNG chunk, a profile or a text, that unpacks to a megabyte."""
    return chunk(name, b"x\0\0" + zlib.compress(bytes(MB), 9))


def grey_16() -> bytes:
    """Encode a PNG of 16-bit grey whose black is transparent."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 0, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress((b"\0" + b"\x64" * 16) * 8))
    return PNG_SIGNATURE + header + chunk(b"tRNS", bytes(2)) + rows + chunk(b"IEND", b"")


def segment(marker: int, content: bytes) -> bytes:
    """Encode a segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def exif_of_shared_values(size: int = 60_000) -> bytes:
    """Encode Exif data of 900 values that are the same bytes."""
    entries = b"".join(struct.pack("<HHII", 40_000 + place, 1, size - 20_000, 0) for place in range(900))
    return (b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 900) + entries + bytes(4)).ljust(size, b"\0")


def many_scans(scans: int) -> bytes:
    """Encode a JPEG of 12 MP whose last scan is repeated."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((4000, 3000)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * scans + data[-2:]


def jpeg_declaring(width: int, height: int) -> bytes:
    """Encode a small JPEG with another size in its frame header."""
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def in_chunks(size: int) -> Iterator[bytes]:
    """Yield a form with one file, without a length."""
    yield PART
    for _ in range(size // 2**16):
        yield bytes(2**16)


def upload_head(length: int) -> bytes:
    """Return the head of an upload of a given length."""
    lines = (f"POST {CLASSIFY} HTTP/1.1", "host: x", f"content-length: {length}", f"content-type: {FORM}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def upload(
    status: int, data: Callable[[], bytes], filename: str = "x.png", kind: str = "image/png"
) -> Hostile:
    """A form with one file."""
    return Hostile("POST", CLASSIFY, status, lambda: {"files": {"image": (filename, data(), kind)}})


def form(status: int, options: Callable[[], dict[str, object]]) -> Hostile:
    """A form of another kind."""
    return Hostile("POST", CLASSIFY, status, options)


def body(path: str, status: int, content: object, content_type: str | bytes | None) -> Hostile:
    """A body with a chosen content type."""
    headers = {"content-type": content_type} if content_type else {}
    options = {"content": content, "headers": headers}
    return Hostile("POST", path, status, lambda: options)


def names_request(status: int, **fields: object) -> Hostile:
    """A request for names in JSON."""
    return Hostile("POST", NAMES, status, lambda: {"json": {"count": 5, "temperature": 1, **fields}})


def text(status: int, content: bytes, path: str = NAMES) -> Hostile:
    """A request with raw bytes as JSON."""
    return body(path, status, content, "application/json")


def bare(method: str, path: str, status: int, **options: object) -> Hostile:
    """A request without a body."""
    return Hostile(method, path, status, lambda: options)


HOSTILE: dict[str, Hostile] = {
    "junk": upload(415, lambda: b"\x00\x01\x02" * 500),
    "an empty file": upload(400, lambda: b""),
    "a file of zeros": upload(415, lambda: bytes(100_000)),
    "an SVG with a script": upload(
        415, lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    ),
    "a PDF called PNG": upload(415, lambda: b"%PDF-1.7\n" + bytes(500)),
    "HTML called JPEG": upload(415, lambda: b"<html><script>1</script></html>", "x.jpg", "image/jpeg"),
    "a pickle called PNG": upload(415, lambda: b"\x80\x04N."),
    "a zip called WebP": upload(415, lambda: b"PK\x03\x04" + bytes(500), "x.webp", "image/webp"),
    "a GIF of 10,000 frames": upload(415, lambda: animated("GIF", 10_000)),
    "a BMP": upload(415, lambda: encoded("BMP")),
    "a TIFF": upload(415, lambda: encoded("TIFF")),
    "an icon": upload(415, lambda: encoded("ICO")),
    "an AVIF": upload(415, lambda: encoded("AVIF")),
    "a truncated JPEG": upload(422, lambda: encoded("JPEG")[:-2000]),
    "a truncated PNG": upload(422, lambda: encoded("PNG")[:-2000]),
    "a truncated WebP": upload(422, lambda: encoded("WEBP")[:-200]),
    "a signature and nothing else": upload(422, lambda: PNG_SIGNATURE),
    "a PNG without pixels in it": upload(422, lambda: png(10, 10).replace(b"IDAT", b"IDAX")),
    "a PNG of 169 MP in 20 kB": upload(413, lambda: png(13_000, 13_000, bytes(20 * MB))),
    "a PNG of 1000 MP": upload(413, lambda: png(100_000, 10_000)),
    "a PNG of 0×0": upload(422, lambda: png(0, 0)),
    "a PNG whose text unpacks to 100 MB": upload(
        200, lambda: png(10, 10, bytes(110), chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(100 * MB))))
    ),
    "a PNG of 2,000 profiles of a megabyte": upload(
        422, lambda: png(10, 10, bytes(110), packed(b"iCCP") * 2000)
    ),
    "a PNG of 900 profiles of a megabyte": upload(
        200, lambda: png(10, 10, bytes(110), packed(b"iCCP") * 900)
    ),
    "a PNG of 900 texts of a megabyte": upload(200, lambda: png(10, 10, bytes(110), packed(b"zTXt") * 900)),
    "a PNG of 16-bit grey with transparency": upload(200, grey_16),
    "a JPEG of 100 Exif segments": upload(
        200, lambda: JPEG_START + segment(0xE1, exif_of_shared_values()) * 100 + encoded("JPEG")[2:]
    ),
    "a WebP whose Exif values share their bytes": upload(
        200, lambda: encoded("WEBP", exif=exif_of_shared_values(900_000))
    ),
    "a WebP of 500,000 chunks": upload(422, lambda: encoded("WEBP") + b"abcd" + bytes(4) * 500_000),
    "a JPEG of a million fill bytes": upload(
        422, lambda: JPEG_START + b"\xff" * 1_000_000 + encoded("JPEG")[2:]
    ),
    "a JPEG of 12 MP with 60 scans": upload(422, lambda: many_scans(60)),
    "a HEIC": upload(415, lambda: b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)),
    "a file without a name": form(400, lambda: {"files": {"image": (None, encoded("PNG"))}}),
    "a PNG of 800,000 chunks": upload(422, lambda: png(10, 10, bytes(110), chunk(b"tEXt", b"") * 800_000)),
    "a JPEG of 4,295 MP": upload(413, lambda: jpeg_declaring(65_535, 65_535)),
    "a JPEG of a million comments": upload(422, lambda: JPEG_START + b"\xff\xfe\x00\x02" * 1_000_000),
    "a JPEG of 1,000 scans": upload(422, lambda: encoded("JPEG")[:-2] + b"\xff\xda\x00\x02" * 1000),
    "a file of 12 MB": upload(413, lambda: bytes(12 * MB)),
    "a file of 120 MB": form(
        413,
        lambda: {
            "content": in_chunks(120 * MB),
            "headers": {"content-type": FORM, "content-length": str(120 * MB + len(PART))},
        },
    ),
    "a JPEG with a script behind it": upload(200, lambda: encoded("JPEG") + b"<script>alert(1)</script>"),
    "a JPEG with a zip behind it": upload(200, lambda: encoded("JPEG") + b"PK\x03\x04" + bytes(500)),
    "an image called image/jpg": upload(200, lambda: encoded("JPEG"), "x.jpg", "image/jpg"),
    "a PNG called text": upload(200, lambda: encoded("PNG"), "x.txt", "text/plain"),
    "a name that climbs": upload(200, lambda: encoded("PNG"), "../../../etc/passwd"),
    "a name with a null": upload(200, lambda: encoded("PNG"), "a\x00.png"),
    "a WebP of 1,000 frames": upload(200, lambda: animated("WEBP", 1000)),
    "an address in the field": form(400, lambda: {"files": {"image": (None, "http://127.0.0.1:9/x.png")}}),
    "a file's path in the field": form(400, lambda: {"files": {"image": (None, "file:///etc/passwd")}}),
    "a part of another name": form(400, lambda: {"files": {"photo": ("x", encoded("PNG"))}}),
    "two files": form(400, lambda: {"files": [("image", ("a", encoded("PNG")))] * 2}),
    "a file and a field": form(400, lambda: {"files": {"image": ("x", encoded("PNG"))}, "data": {"a": "b"}}),
    "a thousand parts": form(400, lambda: {"files": [(f"f{n}", ("x", b"x")) for n in range(1000)]}),
    "a form without a part": body(CLASSIFY, 400, b"--b--\r\n", FORM),
    "a form without a boundary": body(CLASSIFY, 400, encoded("PNG"), "multipart/form-data"),
    "a form of another boundary": body(CLASSIFY, 400, PART, "multipart/form-data; boundary=c"),
    "a form cut off": body(CLASSIFY, 400, b"--b\r\ncontent-disposition: form-da", FORM),
    "a form packed with gzip": body(CLASSIFY, 400, gzip.compress(PART), FORM),
    "a form of no bytes": body(CLASSIFY, 400, b"", FORM),
    "a bare image": body(CLASSIFY, 415, encoded("PNG"), "image/png"),
    "JSON in place of a form": body(
        CLASSIFY, 415, b'{"image": "http://127.0.0.1:9/x.png"}', "application/json"
    ),
    "an address as the body": body(CLASSIFY, 415, b"http://127.0.0.1:9/x.png", "text/plain"),
    "an image of no content type": body(CLASSIFY, 415, encoded("PNG"), None),
    "a pickle to classify": body(CLASSIFY, 415, b"\x80\x04N.", "application/vnd.bentoml+pickle"),
    "a content type of odd bytes": body(CLASSIFY, 415, b"x", b"\xff\xfe"),
    "40 MB in chunks without a length": form(
        413, lambda: {"content": in_chunks(40 * MB), "headers": {"content-type": FORM}}
    ),
    "no body at all": bare("POST", NAMES, 415),
    "an empty body": text(400, b""),
    "half an object": text(400, b'{"count": 5, '),
    "a list": text(400, b"[5, 1.0]"),
    "an object of nothing": text(400, b"{}"),
    "JSON in UTF-16": text(400, '{"count": 5, "temperature": 1}'.encode("utf-16")),
    "JSON of bytes that are no text": text(400, b'{"count": 5, "temperature": 1, "prefix": "\xff\xfe"}'),
    "JSON packed with gzip": text(400, gzip.compress(b'{"count": 5, "temperature": 1}')),
    "a nest of 4,000 lists": text(400, b"[" * 4000),
    "a nest of 1,000 objects": text(400, b'{"count":' * 1000),
    "a huge number": text(400, b'{"count": 1%s, "temperature": 1}' % (b"0" * 3500)),
    "a number beyond all floats": text(400, b'{"count": 5, "temperature": 1e999}'),
    "NaN": text(400, b'{"count": 5, "temperature": NaN}'),
    "Infinity": text(400, b'{"count": 5, "temperature": -Infinity}'),
    "10 MB of JSON": text(413, b" " * 10 * MB),
    "a form to names": body(NAMES, 415, b"count=5&temperature=1", "application/x-www-form-urlencoded"),
    "a pickle to names": body(NAMES, 415, b"\x80\x04N.", "application/vnd.bentoml+pickle"),
    "a count of 16": names_request(400, count=16),
    "a count of 0": names_request(400, count=0),
    "a count of 1.5": names_request(400, count=1.5),
    "a count of true": names_request(400, count=True),
    "a count in words": names_request(400, count="five"),
    "a temperature of 0": names_request(400, temperature=0),
    "a temperature of 1e308": names_request(400, temperature=1e308),
    "a negative seed": names_request(400, seed=-1),
    "an unknown field": names_request(400, args=[]),
    "a prefix of 500": names_request(400, prefix="a" * 500),
    "a prefix of control characters": names_request(400, prefix="a\x00\x1b[2J"),
    "a prefix from right to left": names_request(422, prefix="שלום"),
    "a prefix of emoji": names_request(422, prefix="🦊"),
    "a prefix of SQL": names_request(422, prefix="'; DROP TABLE names; --"),
    "no names to score": text(400, b'{"names": []}', SCORE),
    "a number to score": text(400, b'{"names": ["x", 7]}', SCORE),
    "a null to score": text(400, b'{"names": ["\\u0000"]}', SCORE),
    "half a character to score": text(400, b'{"names": ["\\ud800"]}', SCORE),
    "a name of 101 to score": text(400, json.dumps({"names": ["x" * 101]}).encode(), SCORE),
    "names to score that grow": text(422, json.dumps({"names": ["\ufdfa" * 100] * 100}).encode(), SCORE),
    "a name to score that grows by half": text(422, json.dumps({"names": ["x", "ﬃ" * 50]}).encode(), SCORE),
    "names without a letter": text(422, json.dumps({"names": ["(a)", "***"]}).encode(), SCORE),
    "10 MB of brackets to score": text(413, b"[" * 10 * MB, SCORE),
    "10,000 bytes of headers": bare("GET", QUOTE, 431, headers={"x-long": "x" * 10_000}),
    "a script in the query": bare("GET", QUOTE, 200, params={"not": "<script>alert(1)</script>"}),
    "GET to classify": bare("GET", CLASSIFY, 405),
    "PUT to names": bare("PUT", NAMES, 405),
    "DELETE to the quote": bare("DELETE", QUOTE, 405),
    "POST to the page": bare("POST", "/", 405),
    "POST to the metrics": bare("POST", "/metrics", 405),
    "OPTIONS to classify": bare("OPTIONS", CLASSIFY, 405),
    "TRACE to the quote": bare("TRACE", QUOTE, 405),
    "an unknown method": bare("HACK", NAMES, 405),
    "an unknown path": bare("GET", "/api/unknown", 404),
    "a path that climbs": bare("GET", "/static/%2e%2e/%2e%2e/params.py", 404),
    "a path that climbs in UTF-8": bare("GET", "/static/%c0%ae%c0%ae/params.py", 404),
    "a file of the project": bare("GET", "/params.yaml", 404),
    "a file of other servers": bare("GET", "/.env", 404),
}
