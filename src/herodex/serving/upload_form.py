"""Counts the parts of an image file before anything decodes it.

A few kilobytes of JPEG can hold thousands of scans, each of which makes a decoder go over every pixel,
and ten megabytes of empty segments or chunks keep a parser busy for many seconds.
"""

import itertools
import re

from herodex.serving.client_error import ClientError

MAX_SCANS = 100
"""A progressive JPEG has about ten."""
MAX_MARKERS = 50_000
"""A JPEG has a few dozen; metadata may hold bytes that look like more."""
MAX_CHUNKS = 10_000
"""A PNG has one for every few kilobytes."""

JPEG_START = b"\xff\xd8"
JPEG_SCAN = b"\xff\xda"
# Within a scan, FF is followed by 00 or by a restart marker, D0 to D7 (ITU-T T.81, B.1.1).
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK_FRAME = 12
"""Bytes of a PNG chunk around its data: length, name and checksum."""


def check_parts(data: bytes) -> None:
    """Refuse a file that is made of absurdly many parts.

    Raises:
        ClientError: 422.
    """
    if data.startswith(JPEG_START):
        check_count("scans", data.count(JPEG_SCAN), MAX_SCANS)
        markers = itertools.islice(JPEG_MARKER.finditer(data), MAX_MARKERS + 1)
        check_count("segments", sum(1 for _ in markers), MAX_MARKERS)
    elif data.startswith(PNG_START):
        check_count("chunks", count_chunks(data, MAX_CHUNKS + 1), MAX_CHUNKS)


def count_chunks(data: bytes, most: int) -> int:
    """Count the chunks of a PNG, no further than `most`."""
    position, chunks = len(PNG_START), 0
    while position < len(data) and chunks < most:
        position += PNG_CHUNK_FRAME + int.from_bytes(data[position : position + 4], "big")
        chunks += 1
    return chunks


def check_count(what: str, count: int, most: int) -> None:
    """Raise a ClientError if there are more than `most`."""
    if count > most:
        raise ClientError(
            422,
            "parts",
            f"The image cannot be used: it is made of more than {most} {what}.",
            "Open the file and save it anew.",
        )
