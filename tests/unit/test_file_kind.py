"""A file's kind by its first bytes: the service, the user's folder and the crawl give the same answer."""

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from scrapy.http import Response

from crawlers.folder import inspect
from crawlers.items import Download, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.spiders.images import ImagesSpider
from herodex import file_kind as kinds
from herodex.file_kind import DECODED, HEAD_BYTES, FileKind, recognise
from herodex.inference.image_decoding import ImageError, open_image

URL = "https://images.test/1"
LIMIT = 10_000
DNG_VERSION, SUBFILE_TYPE, SUB_IMAGES = 50706, 254, 330


def saved(form: str, **options: object) -> bytes:
    """An image as Pillow writes it."""
    file = io.BytesIO()
    mode = "CMYK" if form == "JPEG" else "RGBA" if form == "ICO" else "RGB"
    Image.new(mode, (32, 24), "red").save(file, form, **options)
    return file.getvalue()


def media(main: bytes, *compatible: bytes) -> bytes:
    """The start of an ISO media file with its brands."""
    box = b"ftyp" + main + bytes(4) + b"".join(compatible)
    return (len(box) + 4).to_bytes(4, "big") + box + bytes(100)


def tiff(order: bytes, version: bytes, big: bool = False) -> bytes:
    """A grey TIFF or BigTIFF of 8 × 8 pixels."""
    sign = "<" if order == b"II" else ">"
    offset, pixels = ("Q", 16) if big else ("I", 8)
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 8, 279: 64}
    count = struct.pack(sign + ("Q" if big else "H"), len(tags))
    tags[273] = pixels + len(count) + len(tags) * (20 if big else 12) + (8 if big else 4)
    entries = b"".join(
        struct.pack(f"{sign}HH{offset}", tag, 4, 1) + struct.pack(f"{sign}I", value) + bytes(4 if big else 0)
        for tag, value in tags.items()
    )
    head = order + version + (struct.pack(f"{sign}HHQ", 8, 0, 16) if big else struct.pack(f"{sign}I", 8))
    return head + count + entries + bytes(8 if big else 4) + bytes(64)


def with_brand(main: bytes) -> bytes:
    """An AVIF of Pillow with another main brand."""
    return saved("AVIF").replace(b"ftypavif", b"ftyp" + main, 1)


def bmp(reserved: bytes = bytes(4), header: int | None = None) -> bytes:
    """A bitmap of Pillow with other reserved bytes, or another size of its second header."""
    data = bytearray(saved("BMP"))
    data[6:10] = reserved
    if header is not None:
        data[14:18] = header.to_bytes(4, "little")
    return bytes(data)


def packed(write: Callable[[io.BytesIO], None]) -> bytes:
    """The bytes that `write` writes to a file."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def write_zip(file: io.BytesIO) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("1.jpg", saved("JPEG"))


def write_tar(file: io.BytesIO) -> None:
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("1.jpg"), io.BytesIO())


TAKEN: dict[str, tuple[bytes, FileKind]] = {
    "JPEG": (saved("JPEG"), kinds.JPEG),
    "JPEG of several images": (
        saved("MPO", save_all=True, append_images=[Image.new("RGB", (8, 8))]),
        kinds.JPEG,
    ),
    "PNG": (saved("PNG"), kinds.PNG),
    "WebP": (saved("WEBP"), kinds.WEBP),
    "WebP without loss": (saved("WEBP", lossless=True), kinds.WEBP),
    "GIF": (saved("GIF"), kinds.GIF),
    "BMP": (bmp(), kinds.BMP),
    "BMP with reserved bytes": (bmp(b"\1\2\3\4"), kinds.BMP),
    "TIFF": (saved("TIFF"), kinds.TIFF),
    "TIFF by LZW": (saved("TIFF", compression="tiff_lzw"), kinds.TIFF),
    "big-endian TIFF": (tiff(b"MM", b"\0*"), kinds.TIFF),
    "TIFF with its version in the other order": (tiff(b"II", b"\0*"), kinds.TIFF),
    "big-endian TIFF with its version in the other order": (tiff(b"MM", b"*\0"), kinds.TIFF),
    "BigTIFF": (saved("TIFF", big_tiff=True), kinds.TIFF),
    "BigTIFF by hand": (tiff(b"II", b"+\0", big=True), kinds.TIFF),
    "TIFF of a thumbnail": (saved("TIFF", tiffinfo={SUBFILE_TYPE: 1}), kinds.TIFF),
    "AVIF": (saved("AVIF"), kinds.AVIF),
    "AVIF with the main brand of HEIF": (with_brand(b"mif1"), kinds.AVIF),
    "AVIF with the main brand of a HEIF sequence": (with_brand(b"msf1"), kinds.AVIF),
    "AVIF sequence": (
        saved("AVIF", save_all=True, append_images=[Image.new("RGB", (32, 24))]),
        kinds.AVIF,
    ),
}
"""Files that are decoded."""
REFUSED: dict[str, tuple[bytes, FileKind]] = {
    "HEIC": (media(b"heic", b"mif1", b"heic"), kinds.HEIC),
    "HEIC with the main brand of HEIF": (media(b"mif1", b"mif1", b"heic"), kinds.HEIC),
    "HEIC of 10 bits": (media(b"heix", b"mif1", b"heix"), kinds.HEIC),
    "HEIC sequence": (media(b"hevc", b"msf1"), kinds.HEIC),
    "HEIF of another codec": (media(b"mif1", b"jpeg"), kinds.HEIC),
    "AVIF that a HEIC claims to be": (with_brand(b"heic"), kinds.UNUSUAL_AVIF),
    "AVIF by its profile": (with_brand(b"MA1B"), kinds.UNUSUAL_AVIF),
    "big-endian BigTIFF": (tiff(b"MM", b"\0+", big=True), kinds.BIG_ENDIAN_BIG_TIFF),
    "CR2": (b"II*\0\x10\0\0\0CR\2\0" + bytes(100), kinds.RAW),
    "CR3": (media(b"crx ", b"isom"), kinds.RAW),
    "DNG": (saved("TIFF", tiffinfo={DNG_VERSION: b"\1\4\0\0"}), kinds.RAW),
    "NEF": (saved("TIFF", tiffinfo={SUBFILE_TYPE: 1, SUB_IMAGES: 8}), kinds.RAW),
    "RAF": (b"FUJIFILMCCD-RAW 0201" + bytes(100), kinds.RAW),
    "ORF": (b"IIRO\x08\0\0\0" + bytes(100), kinds.RAW),
    "RW2": (b"IIU\0\x08\0\0\0" + bytes(100), kinds.RAW),
    "MP4": (media(b"isom", b"mp41"), kinds.VIDEO),
    "QuickTime": (media(b"qt  "), kinds.VIDEO),
    "QuickTime without brands": (b"\0\0\x10\0moov" + bytes(100), kinds.VIDEO),
    "AVI": (b"RIFF\1\2\3\4AVI LIST", kinds.VIDEO),
    "Matroska": (b"\x1a\x45\xdf\xa3" + bytes(100), kinds.VIDEO),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', kinds.SVG),
    "SVG with a declaration": (b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="">', kinds.SVG),
    "Photoshop": (b"8BPS\0\1" + bytes(100), kinds.PHOTOSHOP),
    "GIMP": (b"gimp xcf v011\0", kinds.GIMP),
    "PDF": (saved("PDF"), kinds.PDF),
    "PostScript": (saved("EPS"), kinds.POSTSCRIPT),
    "JPEG XL": (b"\xff\x0a" + bytes(100), kinds.JPEG_XL),
    "JPEG XL in a container": (b"\0\0\0\x0cJXL \r\n\x87\n", kinds.JPEG_XL),
    "JPEG 2000": (saved("JPEG2000"), kinds.JPEG_2000),
    "JPEG 2000 without a container": (saved("JPEG2000", no_jp2=True), kinds.JPEG_2000),
    "OpenEXR": (b"\x76\x2f\x31\x01\2\0\0\0", kinds.OPEN_EXR),
    "icon": (saved("ICO"), kinds.ICON),
    "PPM": (saved("PPM"), kinds.NETPBM),
    "DDS": (saved("DDS"), kinds.DIRECT_DRAW),
    "QOI": (saved("QOI"), kinds.QOI),
    "DICOM": (bytes(128) + b"DICM" + bytes(100), kinds.DICOM),
    "Windows metafile": (b"\xd7\xcd\xc6\x9a" + bytes(100), kinds.METAFILE),
    "ZIP": (packed(write_zip), kinds.ARCHIVE),
    "tar": (packed(write_tar), kinds.ARCHIVE),
    "gzip": (gzip.compress(saved("JPEG")), kinds.ARCHIVE),
}
"""Files of other kinds, which are named."""
UNKNOWN: dict[str, bytes] = {
    "nothing": b"",
    "web page": b"<!doctype html><title>404</title><svg></svg>",
    "text": b"BMW builds cars, and M is for motor",
    "bitmap with a header that Pillow does not read": bmp(header=41),
    "sound": b"RIFF\0\0\0\0WAVEfmt ",
    "start of a PNG": b"\x89PN",
    "TrueType font": b"\0\1\0\0\0\x10\0\x80" + bytes(100),
    "numbers": bytes(600),
}
"""Files without a known signature."""


TAKES = ("ok", "")


def served(data: bytes) -> tuple[str, str]:
    """Whether the decoder of the pipeline and the service takes a file, and else why not."""
    try:
        open_image(data, LIMIT)
    except ImageError as error:
        return {"unsupported": "not_an_image"}.get(error.kind, error.kind), str(error)
    return TAKES


def from_folder(data: bytes, folder: Path) -> tuple[str, str]:
    """The same of a user's folder, where its name says JPEG."""
    (folder / "1.jpg").write_bytes(data)
    entry = inspect("tea", folder / "1.jpg", 10)
    return entry.status, entry.reason


def crawled(data: bytes, folder: Path) -> tuple[str, str]:
    """The same of an image from the web."""
    result = SearchResult("tea", "commons", 1, URL, "", "", "", "", "")
    with open_journal(folder / "journal") as journal:
        spider = ImagesSpider([result], {}, journal)
        (download,) = spider.parse(Response(URL, body=data), URL)
        assert isinstance(download, Download)
        stored = [path.suffix for path in journal.images.iterdir()]
    assert stored == ([f".{download.extension}"] if download.status is Status.OK else [])
    return download.status, download.reason


@pytest.mark.parametrize("name", TAKEN)
def test_decoded_kind_is_taken_by_service_folder_and_crawl(name, tmp_path):
    data, kind = TAKEN[name]
    assert recognise(data) is kind
    assert kind in DECODED
    assert {served(data), from_folder(data, tmp_path), crawled(data, tmp_path)} == {TAKES}


@pytest.mark.parametrize("name", REFUSED)
def test_other_kind_is_named_alike_by_service_folder_and_crawl(name, tmp_path):
    data, kind = REFUSED[name]
    assert recognise(data) is kind
    answer = ("not_an_image", f"{kind.name} are not decoded; {kind.advice}")
    assert {served(data), from_folder(data, tmp_path), crawled(data, tmp_path)} == {answer}


@pytest.mark.parametrize("name", UNKNOWN)
def test_file_without_a_signature_is_taken_nowhere(name, tmp_path):
    data = UNKNOWN[name]
    assert recognise(data) is None
    answers = (served(data), from_folder(data, tmp_path), crawled(data, tmp_path))
    assert {status for status, _ in answers} == {"not_an_image"}


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED])
def test_first_bytes_are_enough(name):
    data, kind = (TAKEN | REFUSED)[name]
    assert recognise(data[:HEAD_BYTES]) is kind
    assert recognise(data + bytes(10 * HEAD_BYTES)) is kind


@pytest.mark.parametrize("name", [*TAKEN, *REFUSED])
def test_cut_file_has_its_kind_or_none_and_raises_nothing(name):
    data, kind = (TAKEN | REFUSED)[name]
    found = {recognise(data[:size]) for size in range(min(len(data), 300))}
    assert {each.decoder or each.name for each in found if each} <= {
        kind.decoder or kind.name,
        "TIFF",  # of a RAW photo, before its tags
        "HEIC images",  # of an AVIF, before its brand
        "videos",  # likewise
    }


@pytest.mark.parametrize("kind", DECODED)
def test_pillow_decodes_the_kinds_that_are_taken(kind: FileKind):
    Image.init()
    assert kind.decoder in Image.OPEN
