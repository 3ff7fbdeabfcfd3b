"""What a file in the user's folder is, by its first bytes and its name."""

import io

import pytest
from PIL import Image

from crawlers import file_kinds as kinds
from crawlers.file_kinds import FileKind, Format, file_kind


def box(brand: bytes, *others: bytes) -> bytes:
    content = b"ftyp" + brand + bytes(4) + b"".join(others)
    return (len(content) + 4).to_bytes(4, "big") + content + bytes(100)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_image_is_found_whatever_its_name(form):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 8, 7)).save(file, form)
    assert file_kind(file.getvalue(), "txt").extension


@pytest.mark.parametrize(
    ("head", "suffix", "named"),
    [
        (box(b"heic", b"mif1", b"heic"), "jpg", kinds.HEIC),
        (box(b"mif1", b"heic"), "heif", kinds.HEIC),
        (box(b"crx ", b"isom"), "cr3", kinds.RAW),
        (b"II*\0" + bytes(100), "nef", kinds.RAW),
        (box(b"isom", b"mp41"), "mp4", kinds.VIDEO),
        (box(b"qt  "), "jpg", kinds.VIDEO),
        (b"RIFF\1\2\3\4AVI LIST", "avi", kinds.VIDEO),
        (b'<?xml version="1.0"?>\n<svg xmlns="">', "svg", kinds.SVG),
        (b"\xef\xbb\xbf<svg>", "png", kinds.SVG),
        (b"8BPS\0\1", "psd", kinds.PHOTOSHOP),
        (b"%PDF-1.7", "pdf", kinds.PDF),
        (b"II+\0\x08\0\0\0", "tif", kinds.BIG_TIFF),
        (b"\xff\x0a", "jxl", kinds.JPEG_XL),
        (b"PK\x03\x04", "zip", kinds.ARCHIVE),
        (bytes(18), "tga", kinds.TARGA),
    ],
)
def test_format_that_is_not_decoded_is_named(head: bytes, suffix: str, named: Format):
    assert file_kind(head, suffix) == FileKind(reason=named.reason)


def test_avif_with_the_brand_of_heif_is_an_image():
    assert file_kind(box(b"mif1", b"avif", b"miaf"), "avif") == FileKind("avif")


@pytest.mark.parametrize(
    ("head", "reason"), [(b"", "the file is empty"), (b"<html>", "not in a known image format")]
)
def test_damaged_image_is_told_from_a_file_that_is_no_image(head, reason):
    assert file_kind(head, "jpg") == FileKind(reason=reason)
    assert file_kind(head, "txt") == FileKind()
    assert file_kind(b"<?xml?><annotation>", "xml") == FileKind()
