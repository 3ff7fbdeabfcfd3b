"""Encode images as usual and unusual files."""

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO

from PIL import Image, ImageOps

from demo_web.faults import Kind

_BOMB_SIZE = (15_000, 12_000)
_EXIF_ORIENTATION = 0x0112
_TRANSPOSED = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""Exif orientations, and the transposition that each one reverts."""


def encode(image: Image.Image, kind: Kind, rng: random.Random) -> bytes:
    """Encode an image as the file of this kind of result; most kinds are a JPEG of varying quality.

    The image is RGB, except for ALPHA_PNG, which keeps the transparency of an RGBA image.
    """
    quality = rng.randint(70, 95)
    return _ENCODERS.get(kind, _encode_jpeg)(image, quality, rng)


@cache
def pixel() -> bytes:
    """Return a PNG of one white pixel, like a tracking pixel."""
    return _save(Image.new("RGB", (1, 1), "white"), "PNG")


@cache
def bomb() -> bytes:
    """Return a PNG of about 20 kB that unpacks to 180 black megapixels of one bit each.

    It is assembled from its chunks (PNG specification, section 5), so it never exists unpacked.
    """
    width, height = _BOMB_SIZE
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _encode_jpeg(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image, "JPEG", quality=quality)


def _encode_low_quality_jpeg(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image, "JPEG", quality=rng.randint(30, 55))


def _encode_cmyk_jpeg(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image.convert("CMYK"), "JPEG", quality=quality)


def _encode_exif_rotated_jpeg(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    exif = Image.Exif()
    orientation = rng.choice(sorted(_TRANSPOSED))
    exif[_EXIF_ORIENTATION] = orientation
    return _save(image.transpose(_TRANSPOSED[orientation]), "JPEG", quality=quality, exif=exif)


def _encode_webp(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image, "WEBP", quality=quality, method=1)


def _encode_palette_png(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image.quantize(64), "PNG")


def _encode_png(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    return _save(image, "PNG")


def _encode_animated_gif(image: Image.Image, quality: int, rng: random.Random) -> bytes:
    frames = [image.quantize(64), ImageOps.mirror(image).quantize(64)]
    return _save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=500, loop=0)


_ENCODERS: dict[Kind, Callable[[Image.Image, int, random.Random], bytes]] = {
    Kind.REENCODED: _encode_low_quality_jpeg,
    Kind.CMYK_JPEG: _encode_cmyk_jpeg,
    Kind.EXIF_ROTATED: _encode_exif_rotated_jpeg,
    Kind.WEBP: _encode_webp,
    Kind.PALETTE_PNG: _encode_palette_png,
    Kind.ALPHA_PNG: _encode_png,
    Kind.ANIMATED_GIF: _encode_animated_gif,
}


def _save(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()
