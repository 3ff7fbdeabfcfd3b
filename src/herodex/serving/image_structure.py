"""Limit the number of parts in an image file before it is decoded.

A few kilobytes of JPEG can hold thousands of scans, each of which makes a decoder process every pixel, and
ten megabytes of empty segments or chunks keep a parser busy for many seconds.
"""

import itertools
import re

from herodex.serving.client_error import ClientError

MAX_SCANS = 100
"""A progressive JPEG has about ten."""
MAX_MARKERS = 50_000
"""A JPEG has a few dozen; metadata may hold bytes that look like more."""
MAX_CHUNKS = 10_000
"""A PNG has one per few kilobytes."""

JPEG_START = b"\xff\xd8"
JPEG_SCAN = b"\xff\xda"
# Within a scan, FF is followed by 00 or by a restart marker, D0 to D7 (ITU-T T.81, B.1.1).
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK_FRAME = 12
"""Bytes of a PNG chunk around its data: length, name and checksum."""


def check_structure(data: bytes) -> None:
    """Raise a ClientError of 422 if an image file has too many parts."""
    if data.startswith(JPEG_START):
        check_count("scans", data.count(JPEG_SCAN), MAX_SCANS)
        markers = itertools.islice(JPEG_MARKER.finditer(data), MAX_MARKERS + 1)
        check_count("segments", sum(1 for _ in markers), MAX_MARKERS)
    elif data.startswith(PNG_START):
        check_count("chunks", count_chunks(data, MAX_CHUNKS + 1), MAX_CHUNKS)


def count_chunks(data: bytes, limit: int) -> int:
    """Count the chunks of a PNG, up to `limit`."""
    position, chunks = len(PNG_START), 0
    while position < len(data) and chunks < limit:
        position += PNG_CHUNK_FRAME + int.from_bytes(data[position : position + 4], "big")
        chunks += 1
    return chunks


def check_count(parts: str, count: int, limit: int) -> None:
    """Raise a ClientError if `count` is above the limit."""
    if count > limit:
        raise ClientError(
            422,
            "parts",
            f"The image has more than {limit} {parts}.",
            "Open the file in an image editor and save it again.",
        )
