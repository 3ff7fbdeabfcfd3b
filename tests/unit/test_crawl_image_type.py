import io

import pytest
from PIL import Image

from crawlers.image_type import image_extension


@pytest.mark.parametrize(
    ("pillow_format", "extension"),
    [
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("GIF", "gif"),
        ("WEBP", "webp"),
        ("BMP", "bmp"),
        ("TIFF", "tif"),
        ("AVIF", "avif"),
    ],
)
def test_image_type_is_detected_from_bytes(pillow_format, extension):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, pillow_format)
    assert image_extension(file.getvalue()) == extension


def test_heic_is_detected_by_its_brand():
    assert image_extension(b"\0\0\0\x18ftypheic\0\0\0\0") == "heic"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<!doctype html><title>Not an image</title>",
        b"BMW builds cars",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypmp42\0\0\0\0",
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"\x89PN",
    ],
)
def test_other_data_has_no_image_extension(data):
    assert image_extension(data) is None
