import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from herodex.inference.image_decoding import FORMATS, ImageError, normalise, open_image, trim_bars

LIMIT = 1_000_000


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int = 40, height: int = 30) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 6, y * 8, 255 - x * 3], axis=-1).astype(np.uint8))


def mid_tones(width: int, height: int) -> Image.Image:
    return Image.fromarray(60 + np.asarray(gradient(width, height)) // 2)


@pytest.mark.parametrize("kind", FORMATS)
def test_accepted_formats_are_decoded(kind):
    assert open_image(encoded(gradient(), kind), LIMIT).size == (40, 30)


def test_other_formats_are_unsupported():
    with pytest.raises(ImageError) as raised:
        open_image(encoded(gradient(), "GIF"), LIMIT, formats=("JPEG", "PNG"))
    assert raised.value.kind == "unsupported"


@pytest.mark.parametrize("data", [b"", b"<html>not an image</html>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_bytes_that_are_not_an_image_are_refused(data):
    with pytest.raises(ImageError) as raised:
        open_image(data, LIMIT)
    assert raised.value.kind in ("unsupported", "unreadable")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_half_a_file_is_truncated(kind):
    data = encoded(gradient(200, 200), kind)
    with pytest.raises(ImageError) as raised:
        open_image(data[: len(data) // 2], LIMIT)
    assert raised.value.kind == "truncated"


@pytest.mark.parametrize("left", [0.5, 0.95])
def test_a_truncated_avif_is_recognised_as_an_image(left):
    data = encoded(gradient(200, 200), "AVIF")
    with pytest.raises(ImageError) as raised:
        open_image(data[: int(left * len(data))], LIMIT)
    assert raised.value.kind in ("truncated", "unreadable")


@pytest.mark.parametrize("side", [1_100, 10_000, 20_000])
def test_too_many_pixels_are_refused_before_decoding(side, monkeypatch):
    header = encoded(Image.new("1", (side, side)), "PNG")[:2000]
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(ImageError) as raised:
        open_image(header, LIMIT)
    assert raised.value.kind == "too_large"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_raise_nothing_but_image_errors(data):
    kind = data.draw(st.sampled_from(FORMATS))
    damaged = bytearray(encoded(gradient(), kind))
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=8)):
        damaged[position] = data.draw(st.integers(0, 255))
    try:
        pixels = normalise(open_image(bytes(damaged), LIMIT), 64)
    except ImageError:
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_colour_mode_becomes_rgb(mode):
    image = Image.new(mode, (8, 8)) if mode == "I;16" else mid_tones(8, 8).convert(mode)
    pixels = normalise(image, 64)
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


def test_16_bit_grey_keeps_its_levels():
    values = np.array([[60 << 8, 128 << 8, 200 << 8]], dtype=np.uint16)
    assert normalise(Image.fromarray(values), 64)[0, :, 0].tolist() == [60, 128, 200]


def test_transparent_parts_become_white():
    assert (normalise(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), 64) == 255).all()


def test_exif_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    rotated = open_image(encoded(gradient(40, 30), "JPEG", exif=exif), LIMIT)
    assert normalise(rotated, 64).shape == (40, 30, 3)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_damaged_exif_is_ignored(kind):
    data = encoded(gradient(40, 30), kind, exif=b"Exif\0\0junkjunk")
    assert normalise(open_image(data, LIMIT), 64).shape == (30, 40, 3)


def test_large_images_are_scaled_down_in_proportion():
    assert normalise(gradient(400, 200), 100).shape == (50, 100, 3)
    assert normalise(gradient(40, 30), 100).shape == (30, 40, 3)


@pytest.mark.parametrize("colour", ["black", "white"])
@pytest.mark.parametrize("size", [(400, 600), (900, 300)], ids=["above and below", "left and right"])
@pytest.mark.parametrize(("kind", "blur"), [("JPEG", 8), ("PNG", 0)])
def test_bars_are_trimmed(colour, size, kind, blur):
    framed = Image.new("RGB", size, colour)
    framed.paste(mid_tones(400, 300), ((size[0] - 400) // 2, (size[1] - 300) // 2))
    height, width, _ = trim_bars(normalise(open_image(encoded(framed, kind), LIMIT), 1000)).shape
    assert 0 <= height - 300 <= blur
    assert 0 <= width - 400 <= blur


@pytest.mark.parametrize("colour", ["black", "white"])
def test_an_image_that_is_all_bar_stays_whole(colour):
    assert trim_bars(np.asarray(Image.new("RGB", (50, 40), colour))).shape == (40, 50, 3)
    speck = Image.new("RGB", (50, 40), colour)
    speck.paste("red", (20, 20, 23, 23))
    assert trim_bars(np.asarray(speck)).shape == (40, 50, 3)


def test_a_dark_line_inside_an_image_is_not_a_bar():
    divided = mid_tones(40, 30)
    divided.paste("black", (0, 14, 40, 17))
    assert trim_bars(np.asarray(divided)).shape == (30, 40, 3)


def test_animations_give_their_first_frame():
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert normalise(open_image(data, LIMIT), 8)[0, 0].tolist() == [255, 0, 0]
