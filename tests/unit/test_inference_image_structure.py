import io
import struct
import zlib
from collections.abc import Callable

import pytest
from PIL import Image

from herodex.serving.client_error import ClientError
from herodex.serving.image_structure import MAX_CHUNKS, MAX_MARKERS, MAX_SCANS, check_structure, count_chunks


def encoded(kind: str, **options: bool) -> bytes:
    """An image of noise in a format."""
    file = io.BytesIO()
    Image.effect_noise((400, 300), 90).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def after_start(data: bytes, length: int, more: bytes) -> bytes:
    """Insert bytes after the first `length` ones."""
    return data[:length] + more + data[length:]


def many_scans() -> bytes:
    """A JPEG whose last scan is repeated."""
    data = encoded("JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    return data[:-2] + data[last:-2] * MAX_SCANS + data[-2:]


def png_chunk(name: bytes) -> bytes:
    """An empty PNG chunk."""
    return struct.pack(">I", 0) + name + struct.pack(">I", zlib.crc32(name))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
@pytest.mark.parametrize("progressive", [False, True])
def test_ordinary_image_passes(kind: str, progressive: bool) -> None:
    check_structure(encoded(kind, progressive=progressive))


def test_image_with_random_metadata_passes() -> None:
    noise = encoded("PNG")[:60_000]
    segment = b"\xff\xef" + struct.pack(">H", len(noise) + 2) + noise
    check_structure(after_start(encoded("JPEG"), 2, segment * 20))


@pytest.mark.parametrize(
    ("build", "word"),
    [
        pytest.param(many_scans, "scans", id="repeated scans"),
        pytest.param(
            lambda: after_start(encoded("JPEG"), 2, b"\xff\xfe\x00\x02" * MAX_MARKERS),
            "segments",
            id="empty comments",
        ),
        pytest.param(
            lambda: after_start(encoded("JPEG"), 2, b"\xff\xff" * MAX_MARKERS), "segments", id="fill bytes"
        ),
        pytest.param(
            lambda: after_start(encoded("PNG"), 33, png_chunk(b"abCd") * MAX_CHUNKS),
            "chunks",
            id="empty chunks",
        ),
    ],
)
def test_image_with_too_many_parts_is_refused(build: Callable[[], bytes], word: str) -> None:
    with pytest.raises(ClientError, match=word) as caught:
        check_structure(build())
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff"]
)
def test_truncated_start_is_left_to_the_decoder(data: bytes) -> None:
    check_structure(data)


def test_chunks_are_counted_up_to_the_limit() -> None:
    data = encoded("PNG")
    assert count_chunks(data, 3) == 3
    assert count_chunks(data, 1000) == data.count(b"IDAT") + 2
