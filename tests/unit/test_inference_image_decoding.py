import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from herodex.inference.image_decoding import (
    FORMATS,
    REDUCED_FROM,
    ImageError,
    full_size,
    normalise,
    open_image,
    to_rgb,
    trim_bars,
)

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


@settings(max_examples=60)
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


def png(bits, colour, rows, transparent=b""):
    """A PNG of one row of pixels, with its transparent colour."""
    width = len(rows) * 8 // bits // {0: 1, 2: 3}[colour]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colour, 0, 0, 0))]
    chunks += [(b"tRNS", transparent)] if transparent else []
    chunks += [(b"IDAT", zlib.compress(b"\0" + rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(png(16, 0, struct.pack(">3H", 0, 25_700, 51_400)), [0, 100, 200], id="opaque"),
        pytest.param(
            png(16, 0, struct.pack(">3H", 0, 25_700, 51_400), struct.pack(">H", 0)),
            [255, 100, 200],
            id="black",
        ),
        pytest.param(
            png(16, 0, struct.pack(">3H", 0, 25_700, 51_400), struct.pack(">H", 25_700)),
            [0, 255, 200],
            id="grey",
        ),
        pytest.param(
            png(16, 0, struct.pack(">3H", 0, 25_700, 51_400), struct.pack(">H", 25_701)),
            [0, 100, 200],
            id="a level that no pixel has",
        ),
        pytest.param(png(4, 0, b"\x5a", struct.pack(">H", 5)), [255, 170], id="4 bits"),
        pytest.param(png(2, 0, b"\x1b", struct.pack(">H", 2)), [0, 85, 255, 255], id="2 bits"),
        pytest.param(png(8, 0, b"\x05\x64", struct.pack(">H", 5)), [255, 100], id="8 bits"),
        pytest.param(
            png(
                16,
                2,
                struct.pack(">6H", 256, 256, 256, 25_700, 25_700, 25_700),
                struct.pack(">3H", *[256] * 3),
            ),
            [255, 100],
            id="16-bit RGB",
        ),
    ],
)
def test_transparent_colour_of_every_depth_becomes_white_and_no_other(data, expected):
    assert to_rgb(open_image(data, LIMIT), 64)[0, :, 0].tolist() == expected


def tiff_of(values, **options):
    """A TIFF of grey values."""
    return encoded(Image.fromarray(values), "TIFF", **options)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(np.array([[0, 0.5, 1]], np.float32), [0, 128, 255], id="float from 0 to 1"),
        pytest.param(np.array([[0, 0.1, 0.2]], np.float32), [0, 26, 51], id="dark float stays dark"),
        pytest.param(np.array([[0, 100, 255]], np.float32), [0, 100, 255], id="float from 0 to 255"),
        pytest.param(np.array([[0, 25_700, 65_535]], np.float32), [0, 100, 255], id="float from 0 to 65,535"),
        pytest.param(np.array([[-1, 0, 1]], np.float32), [0, 128, 255], id="float from -1 to 1"),
        pytest.param(np.array([[np.nan, 0.5, np.inf]], np.float32), [0, 128, 255], id="not finite"),
        pytest.param(np.array([[7, 7, 7]], np.float32), [7, 7, 7], id="of one value"),
        pytest.param(np.array([[0, 100, 200]], np.int32), [0, 100, 200], id="32 bits from 0 to 255"),
        pytest.param(np.array([[0, 25_700, 51_400]], np.int32), [0, 100, 200], id="32 bits from 0 to 65,535"),
        pytest.param(np.array([[0, 2**30, 2**31 - 1]], np.int32), [0, 128, 255], id="32 bits"),
        pytest.param(np.array([[-(2**31), 0, 2**31 - 1]], np.int32), [0, 128, 255], id="signed"),
    ],
)
def test_grey_of_32_bits_is_scaled_by_its_range(values, expected):
    assert to_rgb(open_image(tiff_of(values), LIMIT), 64)[0, :, 0].tolist() == expected


def test_unsigned_grey_of_32_bits_is_not_negative():
    data = bytearray(tiff_of(np.array([[0, 2**31 - 1, -1]], np.int32)))
    # The sample format, tag 339, says that the values are unsigned.
    at = data.index(struct.pack("<HHI", 339, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 1)
    assert to_rgb(open_image(bytes(data), LIMIT), 64)[0, :, 0].tolist() == [0, 128, 255]


def test_16_bit_tiff_whose_white_is_zero_is_not_inverted():
    data = bytearray(tiff_of(np.array([[0, 25_700, 65_535]], np.uint16)))
    at = data.index(struct.pack("<HHI", 262, 3, 1))
    data[at + 8 : at + 10] = struct.pack("<H", 0)
    assert to_rgb(open_image(bytes(data), LIMIT), 64)[0, :, 0].tolist() == [255, 155, 0]


@pytest.mark.parametrize("brand", [b"mif1", b"msf1"])
def test_avif_of_a_container_brand_is_decoded(brand):
    data = encoded(gradient(), "AVIF").replace(b"ftypavif", b"ftyp" + brand, 1)
    assert open_image(data, LIMIT).size == (40, 30)
    with pytest.raises(ImageError) as raised:
        open_image(data[:300], LIMIT)
    assert raised.value.kind in ("truncated", "unreadable")


@pytest.mark.parametrize(
    "brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic", b"heix\0\0\0\0mif1heix"]
)
def test_heic_is_named_with_what_to_do(brands):
    data = struct.pack(">I", 8 + len(brands)) + b"ftyp" + brands + bytes(400)
    with pytest.raises(ImageError, match=r"HEIC.*convert them to JPEG") as raised:
        open_image(data, LIMIT)
    assert raised.value.kind == "unsupported"


def test_other_media_are_not_called_heic():
    with pytest.raises(ImageError, match="videos are not decoded") as raised:
        open_image(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(400), LIMIT)
    assert raised.value.kind == "unsupported"


def test_big_tiff_and_bmp_with_reserved_bytes_are_decoded():
    assert open_image(encoded(gradient(), "TIFF", big_tiff=True), LIMIT).size == (40, 30)
    bmp = bytearray(encoded(gradient(), "BMP"))
    bmp[6:10] = b"\1\2\3\4"
    assert open_image(bytes(bmp), LIMIT).size == (40, 30)


def test_lab_is_converted():
    data = encoded(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")
    assert normalise(open_image(data, LIMIT), 64).shape == (8, 8, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_of_every_format_is_that_of_pillow(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(gradient(), kind, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert (to_rgb(open_image(data, LIMIT), 64) == np.asarray(expected)).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_in_xmp_is_applied(kind):
    xmp = b'<x:xmpmeta tiff:Orientation="6"/>'
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.decode())
    options = {"pnginfo": info} if kind == "PNG" else {"xmp": xmp}
    assert to_rgb(open_image(encoded(gradient(), kind, **options), LIMIT), 64).shape == (40, 30, 3)


def test_jpeg_above_the_limit_of_full_decoding_has_half_its_size():
    size = (6600, 4300)
    assert size[0] * size[1] > REDUCED_FROM
    data = encoded(Image.linear_gradient("L").resize(size), "JPEG")
    with pytest.raises(ImageError, match="more than 25,000,000"):
        open_image(data, REDUCED_FROM)
    image = open_image(data, REDUCED_FROM, max_jpeg_pixels=50_000_000)
    assert (image.size, full_size(image)) == ((3300, 2150), size)
    trained = open_image(data, 50_000_000)
    assert (to_rgb(image, 64) == to_rgb(trained, 64)).all()


def test_other_format_above_its_limit_says_what_jpeg_may_have():
    with pytest.raises(ImageError, match="only JPEG may have up to 50,000,000") as raised:
        open_image(encoded(Image.new("L", (6600, 4300)), "PNG"), REDUCED_FROM, max_jpeg_pixels=50_000_000)
    assert raised.value.kind == "too_large"
