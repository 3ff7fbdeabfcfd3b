"""Reduce an image file to the parts that its first frame needs, and limit their number.

Pillow parses metadata before it decodes pixels: a profile that unpacks to a megabyte costs a kilobyte of
file, and a file has room for thousands. The pixels need none of it, except for the orientation. Metadata
is therefore removed unread, so that it can neither cost time nor spoil a sound image. What remains is
limited, so that the cost of decoding follows from the number of bytes and pixels.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

MAX_SCANS = 100
"""Scans of a JPEG; a progressive one has about ten."""
MAX_SCANNED_PIXELS = 600_000_000
"""Scans times pixels: each scan makes the decoder process every pixel."""
MAX_SEGMENTS = 1000
"""Segments and fill bytes before a JPEG's first scan, and the same after it; metadata takes hundreds."""
MAX_CHUNKS = 10_000
"""Chunks of a PNG or WebP, and blocks before the first frame of a GIF."""
MAX_METADATA_CHUNKS = 1000
"""Chunks of a PNG that are neither pixels nor frames of an animation; usual are fewer than ten."""
MAX_ORIENTATION_BYTES = 2**18
"""Longest metadata from which an orientation is read."""
MAX_ENTRIES = 1000
"""Entries in a directory of a TIFF; usual are about 20."""
MAX_STRIPS = 100_000
"""Strips or tiles of a TIFF."""
MAX_RLE_PIXELS = 2_000_000
"""Pixels of a run-length encoded BMP, which Pillow decodes in Python."""

JPEG_START = b"\xff\xd8"
# Within a scan, FF is followed by 00 or by a restart marker, D0 to D7 (ITU-T T.81, B.1.1).
JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xff]")
SOI, EOI, SOS, TEM = 0xD8, 0xD9, 0xDA, 0x01
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of frame headers, which hold the size."""
STANDALONE = {TEM, SOI, *range(0xD0, 0xD8)}
"""Markers without a length."""
JFIF, APP1, ADOBE, LAST_APP, COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
ORIENTATION = 0x0112
"""Tag of the orientation in Exif data."""
ORIENTATIONS = range(1, 9)
EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_CHUNK_FRAME = 12
"""Bytes of a PNG chunk around its data: length, name and checksum."""
PNG_PIXELS = (b"IDAT", b"fdAT", b"fcTL")
PNG_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
PNG_ORIENTATION_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")

BIG_TIFF_VERSION = 43
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of a value by the type of a TIFF entry; unlisted types take eight."""
TIFF_SUBDIRECTORIES = (34665, 34853, 40965)
"""Tags of the Exif, GPS and interoperability directories, which Pillow reads too."""
TIFF_STRIPS = (273, 324)
"""Tags of the offsets of strips and tiles."""


class StructureError(Exception):
    """An image file whose parts would take too long to parse or to decode."""


def essential(data: bytes) -> bytes:
    """Return an image file without what its first frame does not need.

    The result decodes to the same pixels. A file that breaks the rules of its format is returned from there
    on as it is, so that the decoder reports the damage.

    Raises:
        StructureError: the file has too many parts, or parts that are too costly.
    """
    for matches, reduce in READERS:
        if matches(data):
            return reduce(data)
    return data


def _check(parts: str, count: int, limit: int) -> None:
    if count > limit:
        raise StructureError(f"it has more than {limit:,} {parts}")


def _essential_jpeg(data: bytes) -> bytes:
    """Keep tables, frame headers, scans, JFIF and Adobe segments, XMP and the orientation."""
    kept, pixels, exif = [JPEG_START], 0, b""
    for marker, start, end in _jpeg_segments(data):
        content = data[start + 4 : end]
        if marker in FRAMES:
            pixels = int.from_bytes(content[1:3], "big") * int.from_bytes(content[3:5], "big")
        if marker == SOS:
            kept.append(_scans(data, start, pixels))
        elif marker == APP1 and content.startswith(EXIF):
            exif = exif or content
        elif _affects_pixels(marker, content):
            kept.append(data[start:end])
    orientation = exif_orientation(exif)
    if orientation is not None and orientation in ORIENTATIONS:
        kept.insert(1, _orientation_segment(orientation))
    return b"".join(kept)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment; the first scan or damage is the last one.

    Bytes between segments are left out, as decoders do.
    """
    position, segments = 2, 0
    while (start := data.find(b"\xff", position)) >= 0:
        position = start + 1
        while data[position : position + 1] == b"\xff":
            position += 1
            _check("segments", segments + position - start, MAX_SEGMENTS)
        segments += position - start
        _check("segments", segments, MAX_SEGMENTS)
        if position >= len(data):
            return
        start, marker = position - 1, data[position]
        position += 1
        if marker == 0 or marker in STANDALONE:
            continue
        if marker in (SOS, EOI) or marker < min(FRAMES):
            yield marker, start, len(data)
            return
        end = position + max(2, int.from_bytes(data[position : position + 2], "big"))
        yield marker, start, end
        position = end


def _affects_pixels(marker: int, content: bytes) -> bool:
    """Whether a JPEG segment has a role in decoding; an orientation may be in XMP."""
    if marker == APP1:
        return content.startswith(XMP)
    return marker in (JFIF, ADOBE) or not (JFIF <= marker <= LAST_APP or marker == COMMENT)


def _scans(data: bytes, start: int, pixels: int) -> bytes:
    """Return a JPEG's scans, up to its end marker."""
    position, scans, segments = start, 0, 0
    while match := JPEG_MARKER.search(data, position):
        marker = data[match.start() + 1]
        position = match.start() + 1 if marker == 0xFF else match.end()
        if marker == EOI:
            return data[start:position]
        segments += 1
        _check("segments after its first scan", segments, MAX_SEGMENTS)
        if marker == SOS:
            scans += 1
            _check("scans", scans, MAX_SCANS)
            if scans > 1 and scans * pixels > MAX_SCANNED_PIXELS:
                raise StructureError(f"it has {scans} scans or more, too many for its size")
        if marker != 0xFF and marker not in STANDALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    return data[start:]


def _essential_png(data: bytes) -> bytes:
    """Keep critical chunks, transparency and the first of each metadata that may hold an orientation."""
    kept, seen = [PNG_START], set[bytes]()
    position, chunks, metadata = len(PNG_START), 0, 0
    while position < len(data) and chunks <= MAX_CHUNKS and metadata <= MAX_METADATA_CHUNKS:
        kind = data[position + 4 : position + 8]
        end = position + PNG_CHUNK_FRAME + int.from_bytes(data[position : position + 4], "big")
        if not kind.isalpha():
            kept.append(data[position:])
            break
        chunks += 1
        metadata += kind not in PNG_PIXELS
        if kind[:1].isupper() or kind == b"tRNS":
            kept.append(data[position:end])
        elif kind in PNG_METADATA and end - position <= MAX_ORIENTATION_BYTES:
            name, packed = _orientation_source(kind, data[position + 8 : end - 4])
            if name and name not in seen and (not packed or _unpacks_to_little(packed)):
                kept.append(data[position:end])
            seen.add(name)
        position = end
        if kind == b"IEND":
            break
    _check("metadata chunks", metadata, MAX_METADATA_CHUNKS)
    _check("chunks", chunks, MAX_CHUNKS)
    return b"".join(kept)


def _orientation_source(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """Return the name of metadata that may hold an orientation, else nothing, and its packed text."""
    if kind == b"eXIf":
        return kind, b""
    if not content.startswith(PNG_ORIENTATION_TEXTS):
        return b"", b""
    name, _, text = content.partition(b"\0")
    if kind == b"zTXt":
        return name, text[1:]
    # In iTXt, two bytes and two texts precede the text; the first byte tells whether it is compressed.
    return name, text[2:].split(b"\0", 2)[-1] if kind == b"iTXt" and text[:1] != b"\0" else b""


def _unpacks_to_little(packed: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        unpacker.decompress(packed, MAX_ORIENTATION_BYTES)
    except zlib.error:
        return False
    return not unpacker.unconsumed_tail


def _check_webp(data: bytes) -> bytes:
    position, chunks = 12, 0
    while position < len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
        chunks += 1
        _check("chunks", chunks, MAX_CHUNKS)
    return data


def _essential_gif(data: bytes) -> bytes:
    """Keep everything but comments and application data before the first frame."""
    colours = 3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0
    position, blocks = 13 + colours, 0
    kept = [data[:position]]
    while data[position : position + 1] == b"!":
        start, position = position, position + 2
        while size := int.from_bytes(data[position : position + 1], "big"):
            position += 1 + size
            blocks += 1
            _check("blocks before its first frame", blocks, MAX_CHUNKS)
        position += 1
        blocks += 1
        _check("blocks before its first frame", blocks, MAX_CHUNKS)
        if data[start + 1 : start + 2] == b"\xf9":
            kept.append(data[start:position])
    return b"".join((*kept, data[position:]))


def _check_bmp(data: bytes) -> bytes:
    size, width, height = struct.unpack("<Iii", data[14:26].ljust(12, b"\0"))
    compression = int.from_bytes(data[30:34], "little")
    if size >= 40 and compression in (1, 2):
        pixels = abs(width * height)
        _check("run-length encoded pixels", pixels, MAX_RLE_PIXELS)
        # A run takes two bytes and holds at least one pixel, in a file that a program has written.
        _check("bytes for its pixels", len(data), 2 * pixels + 100_000)
    return data


class TiffLayout(NamedTuple):
    """How the numbers in a TIFF are written."""

    order: str
    entries: str
    offset: str
    header: int

    def number(self, data: bytes, position: int, code: str) -> int:
        """Read a number, 0 beyond the end of the data."""
        size = struct.calcsize(code)
        return struct.unpack(self.order + code, data[position : position + size].ljust(size, b"\0"))[0]


def tiff_layout(data: bytes) -> TiffLayout | None:
    """Return the layout of a TIFF, a BigTIFF or Exif data; None for other data."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return None
    # Some programs write the version in the other byte order, which Pillow accepts of a small TIFF.
    if data[2:4] in (b"*\0", b"\0*"):
        return TiffLayout(order, "H", "I", 4)
    version = struct.unpack(order + "H", data[2:4])[0]
    return TiffLayout(order, "Q", "Q", 8) if version == BIG_TIFF_VERSION else None


class TiffEntry(NamedTuple):
    """An entry of a directory: tag, type, number of values, and the position of the value or its offset."""

    tag: int
    kind: int
    values: int
    position: int


def tiff_entries(data: bytes, layout: TiffLayout, directory: int) -> Iterator[TiffEntry]:
    """Yield at most MAX_ENTRIES entries of a TIFF directory."""
    offset_size = struct.calcsize(layout.offset)
    first = directory + struct.calcsize(layout.entries)
    size = 4 + 2 * offset_size
    count = min(layout.number(data, directory, layout.entries), MAX_ENTRIES)
    for position in range(first, min(first + count * size, len(data)), size):
        yield TiffEntry(
            layout.number(data, position, "H"),
            layout.number(data, position + 2, "H"),
            layout.number(data, position + 4, layout.offset),
            position + 4 + offset_size,
        )


def _check_tiff(data: bytes) -> bytes:
    """Check the directories that Pillow reads: the first two and their Exif directories."""
    layout = tiff_layout(data)
    if layout is None:
        return data
    first = layout.number(data, layout.header, layout.offset)
    pages = [page for page in (first, _next_directory(data, layout, first)) if page]
    claimed = 0
    for directory in pages + [sub for page in pages for sub in _subdirectories(data, layout, page)]:
        _check("entries in a directory", layout.number(data, directory, layout.entries), MAX_ENTRIES)
        for entry in tiff_entries(data, layout, directory):
            claimed += entry.values * TIFF_SIZES.get(entry.kind, 8)
            if entry.tag in TIFF_STRIPS:
                _check("strips or tiles", entry.values, MAX_STRIPS)
        # Values that share their bytes would be read once for each entry.
        _check("bytes of values", claimed, len(data))
    return data


def _subdirectories(data: bytes, layout: TiffLayout, directory: int) -> list[int]:
    return [
        layout.number(data, entry.position, layout.offset)
        for entry in tiff_entries(data, layout, directory)
        if entry.tag in TIFF_SUBDIRECTORIES
    ]


def _next_directory(data: bytes, layout: TiffLayout, directory: int) -> int:
    count = min(layout.number(data, directory, layout.entries), MAX_ENTRIES)
    entries = count * (4 + 2 * struct.calcsize(layout.offset))
    return layout.number(data, directory + struct.calcsize(layout.entries) + entries, layout.offset)


def exif_orientation(exif: bytes) -> int | None:
    """Read the orientation from Exif data without its other values; None if there is none.

    Pillow reads all values, and hundreds of them may share the same bytes.
    """
    while exif.startswith(EXIF):
        exif = exif[len(EXIF) :]
    layout = tiff_layout(exif)
    if layout is None:
        return None
    found = None
    for entry in tiff_entries(exif, layout, layout.number(exif, layout.header, layout.offset)):
        code = {1: "B", 3: "H", 4: "I"}.get(entry.kind)
        if entry.tag == ORIENTATION and entry.values == 1 and code:
            found = layout.number(exif, entry.position, code)
    return found


def _orientation_segment(orientation: int) -> bytes:
    """Encode an Exif segment of a JPEG that holds an orientation and nothing else."""
    directory = struct.pack("<HHHIHHI", 1, ORIENTATION, 3, 1, orientation, 0, 0)
    content = EXIF + b"II*\0" + struct.pack("<I", 8) + directory
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


READERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], bytes]], ...] = (
    (lambda data: data.startswith(JPEG_START), _essential_jpeg),
    (lambda data: data.startswith(PNG_START), _essential_png),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", _check_webp),
    (lambda data: data.startswith((b"GIF87a", b"GIF89a")), _essential_gif),
    (lambda data: data.startswith(b"BM"), _check_bmp),
    (lambda data: data.startswith((b"II", b"MM")), _check_tiff),
)
"""Test and reader of each format; an AVIF's boxes are limited by its library."""
