import contextlib
import io
import struct
import time
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from herodex.inference.image_decoding import ImageError, open_image, read_header
from herodex.inference.image_structure import (
    MAX_CHUNKS,
    MAX_METADATA_CHUNKS,
    MAX_SCANS,
    MAX_SEGMENTS,
    StructureError,
    essential,
    exif_orientation,
)

MAX_PIXELS = 50_000_000
MB = 2**20
RATIO = 3
"""Most CPU that a costly file may take, as a multiple of that of a plain file of its size."""
NOISE_S = 0.05
"""CPU that a garbage collection may add."""


def encoded(kind: str, size: tuple[int, int] = (400, 300), **options: object) -> bytes:
    """Encode an image of noise in a format."""
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def after_start(data: bytes, length: int, more: bytes) -> bytes:
    """Insert bytes after the first `length` ones."""
    return data[:length] + more + data[length:]


def repeated_scans(size: tuple[int, int], times: int) -> bytes:
    """A JPEG whose last scan is repeated."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:-2] + data[last:-2] * times + data[-2:]


def png_chunk(name: bytes, data: bytes = b"") -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def in_png(chunks: bytes) -> bytes:
    """A PNG with chunks after its header."""
    return after_start(encoded("PNG"), 33, chunks)


def packed(name: bytes, size: int) -> bytes:
    """A compressed PNG chunk of zeros, a profile or a text."""
    return png_chunk(name, b"x\0\0" + zlib.compress(bytes(size), 9))


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG segment."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def tiff(entries: list[tuple[int, int, int, int]], size: int) -> bytes:
    """A TIFF of grey pixels with further entries: tag, type, number of values, and offset."""
    pixels = bytes(100)
    fields = {
        256: (3, 1, 10),
        257: (3, 1, 10),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        279: (4, 1, 100),
    }
    fields |= {273: (4, 1, 8)} | {tag: values for tag, *values in entries}  # type: ignore[dict-item]
    directory = struct.pack("<H", len(fields))
    for tag, (kind, count, value) in sorted(fields.items()):
        directory += struct.pack("<HHII", tag, kind, count, value)
    data = b"II*\0" + struct.pack("<I", 108) + pixels + directory + bytes(4)
    return data.ljust(size, b"\0")


def shared_values(tag: int, count: int, size: int) -> list[tuple[int, int, int, int]]:
    """Entries whose values are the same bytes."""
    return [(tag + number, 1, size, 0) for number in range(count)]


def exif_of_shared_values(size: int) -> bytes:
    """Exif data whose entries claim the same bytes hundreds of times."""
    return b"Exif\0\0" + tiff(shared_values(40_000, 900, size - 20_000), size)


def cpu_of(data: bytes) -> float:
    """Return the CPU seconds of opening an image and of refusing it."""
    started = time.thread_time()
    with contextlib.suppress(ImageError):
        open_image(data, MAX_PIXELS)
    return time.thread_time() - started


COSTLY: dict[str, Callable[[], bytes]] = {
    "PNG of thousands of profiles": lambda: in_png(packed(b"iCCP", MB) * 2000),
    "PNG of hundreds of profiles": lambda: in_png(packed(b"iCCP", MB) * 900),
    "PNG of hundreds of compressed texts": lambda: in_png(packed(b"zTXt", MB) * 900),
    "PNG of hundreds of international texts": lambda: in_png(
        png_chunk(b"iTXt", b"x\0\1\0\0\0" + zlib.compress(bytes(MB), 9)) * 900
    ),
    "PNG whose orientation texts unpack to much": lambda: in_png(
        png_chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(bytes(10 * MB), 9)) * 900
    ),
    "PNG of empty chunks": lambda: in_png(png_chunk(b"abCd") * 100_000),
    "PNG of empty pixel chunks": lambda: in_png(png_chunk(b"IDAT") * 100_000),
    "PNG with a profile after its pixels": lambda: encoded("PNG")[:-12] + packed(b"iCCP", MB) * 2000,
    "JPEG of a million comments": lambda: after_start(encoded("JPEG"), 2, b"\xff\xfe\x00\x02" * 1_000_000),
    "JPEG of a million fill bytes": lambda: after_start(encoded("JPEG"), 2, b"\xff" * 1_000_000),
    "JPEG of a megabyte of junk between segments": lambda: after_start(encoded("JPEG"), 2, bytes(MB)),
    "JPEG of quantisation tables": lambda: after_start(
        encoded("JPEG"), 2, segment(0xDB, b"\0" + bytes(range(1, 65))) * 20_000
    ),
    "JPEG of Exif segments": lambda: after_start(
        encoded("JPEG"), 2, segment(0xE1, exif_of_shared_values(60_000)) * 100
    ),
    "JPEG of repeated scans": lambda: repeated_scans((400, 300), 1000),
    "large JPEG of fewer scans": lambda: repeated_scans((4000, 3000), 60),
    "WebP of empty chunks": lambda: encoded("WEBP") + b"abcd\0\0\0\0" * 500_000,
    "GIF of a million comments": lambda: after_start(encoded("GIF"), 13 + 768, b"!\xfe\0" * 1_000_000),
    "GIF of one long comment": lambda: after_start(
        encoded("GIF"), 13 + 768, b"!\xfe" + b"\x01a" * 1_000_000 + b"\0"
    ),
    "TIFF of values that share bytes": lambda: tiff(shared_values(40_000, 900, 2_000_000), 2_000_000),
    "TIFF of a million strips": lambda: tiff([(273, 4, 1_000_000, 8)], 4_100_000),
    "BMP of run lengths": lambda: (
        b"BM" + bytes(8) + struct.pack("<IIiiHHIIiiII", 54, 40, 7000, 7000, 1, 8, 1, 0, 0, 0, 0, 0)
    ).ljust(4 * MB, b"\1"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_costly_structure_takes_no_more_cpu_than_a_plain_file_of_its_size(name: str) -> None:
    data = COSTLY[name]()
    side = max(8, int((len(data) / 3) ** 0.5))
    plain = encoded("PNG", (side, side))
    limit = RATIO * min(cpu_of(plain) for _ in range(2)) + NOISE_S
    assert min(cpu_of(data) for _ in range(2)) < limit


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
@pytest.mark.parametrize("progressive", [False, True])
def test_ordinary_image_keeps_its_pixels(kind: str, progressive: bool) -> None:
    data = encoded(kind, progressive=progressive)
    reduced = Image.open(io.BytesIO(essential(data)))
    assert (np.asarray(reduced) == np.asarray(Image.open(io.BytesIO(data)))).all()


@pytest.mark.parametrize("start", [b"\xff\xef", b"\xff\xe2", b"\xff\xfe"])
def test_random_metadata_is_left_out(start: bytes) -> None:
    noise = encoded("PNG")[:60_000]
    more = start + struct.pack(">H", len(noise) + 2) + noise
    data = encoded("JPEG")
    assert essential(after_start(data, 2, more * 20)) == essential(data)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(packed(b"iCCP", 5 * MB), id="profile"),
        pytest.param(packed(b"zTXt", 5 * MB), id="text"),
        pytest.param(png_chunk(b"tEXt", b"x\0" + b"y" * 2 * MB), id="plain text"),
        pytest.param(png_chunk(b"iCCP", b"junk"), id="damaged profile"),
        pytest.param(png_chunk(b"cHRM", b"1"), id="truncated chromaticities"),
    ],
)
def test_metadata_does_not_spoil_a_sound_png(chunk: bytes) -> None:
    plain = np.asarray(open_image(encoded("PNG"), MAX_PIXELS))
    assert open_image(in_png(chunk), MAX_PIXELS).size == plain.shape[1::-1]


def test_bytes_after_the_end_are_left_out() -> None:
    for kind in ("JPEG", "PNG"):
        data = encoded(kind)
        assert essential(data + b"<script>" * 1000) == essential(data)


@pytest.mark.parametrize(
    ("build", "word"),
    [
        pytest.param(lambda: repeated_scans((400, 300), MAX_SCANS), "scans", id="repeated scans"),
        pytest.param(lambda: repeated_scans((4000, 3000), 60), "too many for its size", id="large image"),
        pytest.param(
            lambda: after_start(encoded("JPEG"), 2, b"\xff\xfe\x00\x02" * (MAX_SEGMENTS + 1)),
            "segments",
            id="empty comments",
        ),
        pytest.param(
            lambda: after_start(encoded("JPEG"), 2, b"\xff\xff" * MAX_SEGMENTS), "segments", id="fill bytes"
        ),
        pytest.param(
            lambda: in_png(png_chunk(b"abCd") * MAX_METADATA_CHUNKS), "metadata chunks", id="empty chunks"
        ),
        pytest.param(lambda: in_png(png_chunk(b"IDAT") * MAX_CHUNKS), "chunks", id="empty pixel chunks"),
        pytest.param(lambda: encoded("WEBP") + bytes(8) * MAX_CHUNKS, "chunks", id="WebP chunks"),
        pytest.param(
            lambda: after_start(encoded("GIF"), 13 + 768, b"!\xfe\0" * (MAX_CHUNKS + 1)),
            "blocks",
            id="GIF comments",
        ),
        pytest.param(
            lambda: tiff(shared_values(40_000, 20, 1000), 1000), "bytes of values", id="TIFF values"
        ),
        pytest.param(lambda: tiff(shared_values(30_000, 1001, 1), MB), "entries", id="TIFF entries"),
        pytest.param(
            lambda: tiff(shared_values(30_000, 1001, 1), MB).replace(b"II*\0", b"II\0*", 1),
            "entries",
            id="TIFF with its version in the other byte order",
        ),
    ],
)
def test_image_with_too_many_parts_is_refused(build: Callable[[], bytes], word: str) -> None:
    with pytest.raises(StructureError, match=word):
        essential(build())
    with pytest.raises(ImageError) as caught:
        read_header(build(), MAX_PIXELS)
    assert caught.value.kind == "too_complex"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xe1",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\xff\xff\xff\xff",
        b"GIF89a",
        b"GIF89a" + bytes(7) + b"!\xfe\x05",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"II+\0" + b"\xff" * 20,
        b"BM",
        b"RIFF\xff\xff\xff\xffWEBP\xff",
    ],
)
def test_truncated_start_is_left_to_the_decoder(data: bytes) -> None:
    with pytest.raises(ImageError):
        open_image(data, MAX_PIXELS)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_that_of_pillow(order: str, orientation: int) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "maker"
    exif[0x0112] = orientation
    assert exif_orientation(exif.tobytes()) == orientation


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0junkjunk", b"II*\0\x08\0\0\0\xff\xff", b"MM\0*"]
)
def test_exif_data_without_an_orientation_has_none(exif: bytes) -> None:
    assert exif_orientation(exif) is None
