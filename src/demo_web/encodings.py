"""Image files, sound ones and odd ones."""

import random
import struct
import zlib
from functools import cache
from io import BytesIO

from PIL import Image, ImageOps

from demo_web.faults import Kind

_BOMB_SIZE = (15_000, 12_000)
_EXIF_ORIENTATION = 0x0112
_TURNED = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""The Exif orientations that a held-sideways camera writes, and what undoes the rotation they ask for."""


def encode(image: Image.Image, kind: Kind, rng: random.Random) -> bytes:
    """Write an image as the file that this kind of result is: a JPEG of varying quality, or an odd one.

    The image is RGB, but for ALPHA_PNG, which keeps the transparency of an RGBA one.
    """
    quality = rng.randint(70, 95)
    match kind:
        case Kind.REENCODED:
            return _save(image, "JPEG", quality=rng.randint(30, 55))
        case Kind.WEBP:
            return _save(image, "WEBP", quality=quality, method=1)
        case Kind.CMYK_JPEG:
            return _save(image.convert("CMYK"), "JPEG", quality=quality)
        case Kind.EXIF_ROTATED:
            return _save_turned(image, rng.choice(sorted(_TURNED)), quality)
        case Kind.PALETTE_PNG:
            return _save(image.quantize(64), "PNG")
        case Kind.ALPHA_PNG:
            return _save(image, "PNG")
        case Kind.ANIMATED_GIF:
            frames = [image.quantize(64), ImageOps.mirror(image).quantize(64)]
            return _save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=500, loop=0)
        case _:
            return _save(image, "JPEG", quality=quality)


@cache
def pixel() -> bytes:
    """Return a PNG of one white pixel, as trackers use it."""
    return _save(Image.new("RGB", (1, 1), "white"), "PNG")


@cache
def bomb() -> bytes:
    """Return a PNG of some 20 kB that unpacks to 180 megapixels of black, one bit each.

    It is put together from its chunks (PNG specification, section 5), so that it never exists unpacked.
    """
    width, height = _BOMB_SIZE
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _save_turned(image: Image.Image, orientation: int, quality: int) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = orientation
    return _save(image.transpose(_TURNED[orientation]), "JPEG", quality=quality, exif=exif)


def _save(image: Image.Image, format_: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()
