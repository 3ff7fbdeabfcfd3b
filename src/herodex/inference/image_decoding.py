"""Untrusted image bytes to normalised RGB pixels.

The pipeline and the service both decode images here, so that both see the same pixels.
"""

import io
from typing import Literal

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageOps

BAR_TOLERANCE = 24
"""Levels of 255 by which a bar's pixel may differ from black or white; compression blurs a bar's edge."""
BAR_PURITY = 0.98
"""Share of black or white pixels from which a row or column belongs to a bar."""
LEAST_CONTENT = 0.1
"""Share of the image that trimming must leave."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


class ImageError(Exception):
    """An image cannot be used.

    `kind` is `truncated` (the file breaks off), `unreadable` (it is damaged otherwise), `unsupported`
    (no image, or a format that is not accepted) or `too_large` (too many pixels).
    """

    def __init__(
        self, kind: Literal["truncated", "unreadable", "unsupported", "too_large"], message: str
    ) -> None:
        super().__init__(message)
        self.kind = kind


def open_image(data: bytes, max_pixels: int, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """Decode an image's first frame, after checking its size in the header.

    Args:
        data: the file's bytes; the format is read from them, not from a file name.
        max_pixels: the largest accepted width × height.
        formats: the accepted formats, by Pillow's names.

    Raises:
        ImageError: the bytes are not such an image, are damaged, or claim too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError("too_large", "it has far too many pixels") from None
    except Image.UnidentifiedImageError:
        # Pillow checks a whole AVIF file before it accepts the signature.
        if "AVIF" in formats and data[4:12] in (b"ftypavif", b"ftypavis"):
            raise ImageError("unreadable", "it is a damaged or truncated AVIF") from None
        raise ImageError("unsupported", f"it is not an image in {', '.join(formats)}") from None
    # Pillow's readers raise exceptions of many types on damaged headers.
    except Exception as error:
        raise _damaged(data, error) from None
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError("too_large", f"it has {width}×{height} pixels, more than {max_pixels:,}")
    try:
        image.load()
    except Exception as error:
        raise _damaged(data, error) from None
    return image


def _damaged(data: bytes, error: Exception) -> ImageError:
    # For a WebP that is shorter than its RIFF header says, Pillow reports damage, not truncation.
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if (is_webp and int.from_bytes(data[4:8], "little") + 8 > len(data)) or "truncated" in str(error).lower():
        return ImageError("truncated", "it is truncated")
    return ImageError("unreadable", f"it is damaged ({error})")


def apply_orientation(image: Image.Image) -> Image.Image:
    """Apply an image's Exif orientation; ignore damaged Exif data, as browsers do."""
    try:
        return ImageOps.exif_transpose(image)
    # Pillow raises exceptions of many types on damaged Exif data.
    except Exception:
        return image


def normalise(image: Image.Image, max_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """Convert a decoded image to upright RGB without bars, neither side above `max_side` pixels."""
    return trim_bars(to_rgb(image, max_side))


def to_rgb(image: Image.Image, max_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """Convert a decoded image to upright RGB, scaled down to `max_side` pixels.

    Transparent parts become white, as on a web page.
    """
    upright = apply_orientation(image)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    if upright.mode.startswith("I;16"):
        # Pillow clips 16-bit grey to white instead of scaling it.
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    rgb = upright.convert("RGB")
    rgb.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def trim_bars(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Cut off black or white bars and margins at an image's edges."""
    return pixels[content(pixels)]


def content(pixels: UInt8[np.ndarray, "h w 3"]) -> tuple[slice, slice]:
    """Find the rows and columns between an image's bars; all of them where little would remain."""
    everything = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
    dark, light = pixels.max(axis=2) <= BAR_TOLERANCE, pixels.min(axis=2) >= 255 - BAR_TOLERANCE
    rows = _content(dark, light, axis=1)
    if rows.stop == 0:
        return everything
    columns = _content(dark[rows], light[rows], axis=0)
    enough = pixels[rows, columns].size >= LEAST_CONTENT * pixels.size
    return (rows, columns) if enough else everything


def _content(dark: Bool[np.ndarray, "h w"], light: Bool[np.ndarray, "h w"], axis: int) -> slice:
    bars = (dark.mean(axis) >= BAR_PURITY) | (light.mean(axis) >= BAR_PURITY)
    inside = np.flatnonzero(~bars)
    return slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0)
