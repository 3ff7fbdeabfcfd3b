"""Opens an image that nobody vouches for, and brings every image into one form.

The pipeline and the service both read images through these functions, so that what was
measured is what is served.
"""

import io
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

BAR_TOLERANCE = 24
"""Levels of 255 that a bar's pixel may be off black or white; compression blurs a bar's edge."""
BAR_PURITY = 0.98
"""The share of a row's or column's pixels that make it part of a bar."""
LEAST_CONTENT = 0.1
"""The share of an image that must be left for it to be trimmed."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


class ImageError(Exception):
    """An image cannot be used.

    `kind` is `truncated` (it breaks off before its end), `unreadable` (spoilt otherwise), `unsupported`
    (no image, or a format that was not asked for) or `too_large` (more pixels than allowed).
    """

    def __init__(
        self, kind: Literal["truncated", "unreadable", "unsupported", "too_large"], message: str
    ) -> None:
        super().__init__(message)
        self.kind = kind


def open_image(data: bytes, max_pixels: int, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """Decode the first frame of an image; its size is checked in the header, before any pixel is decoded.

    Args:
        data: the file's bytes; its content alone tells the format.
        max_pixels: width × height from which on the image is refused.
        formats: the names, as Pillow gives them, of the formats that are accepted.

    Raises:
        ImageError: the bytes are not such an image, are spoilt, or claim too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError("too_large", "it has far too many pixels") from None
    except Image.UnidentifiedImageError:
        # Pillow asks the AVIF library for the whole file before it believes the signature.
        if "AVIF" in formats and data[4:12] in (b"ftypavif", b"ftypavis"):
            raise ImageError("unreadable", "it is a spoilt or truncated AVIF") from None
        raise ImageError("unsupported", f"it is not an image in {', '.join(formats)}") from None
    # Pillow's readers raise whatever a spoilt header makes them stumble over.
    except Exception as error:
        raise _spoilt(data, error) from None
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError("too_large", f"it has {width}×{height} pixels, more than {max_pixels:,}")
    try:
        image.load()
    except Exception as error:
        raise _spoilt(data, error) from None
    return image


def _spoilt(data: bytes, error: Exception) -> ImageError:
    # Of a WebP that is shorter than its header (RIFF) says, Pillow says no more than that it is spoilt.
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if (is_webp and int.from_bytes(data[4:8], "little") + 8 > len(data)) or "truncated" in str(error).lower():
        return ImageError("truncated", "it is truncated")
    return ImageError("unreadable", f"it is spoilt ({error})")


def turn_upright(image: Image.Image) -> Image.Image:
    """Turn an image as its Exif data say; spoilt ones say nothing, as in a browser."""
    try:
        return ImageOps.exif_transpose(image)
    # Pillow raises whatever such data make it stumble over.
    except Exception:
        return image


def normalise(image: Image.Image, max_side: int) -> np.ndarray:
    """Bring a decoded image into the form in which it is looked at: `to_rgb`, then `trim_bars`."""
    return trim_bars(to_rgb(image, max_side))


def to_rgb(image: Image.Image, max_side: int) -> np.ndarray:
    """Turn a decoded image upright, make it RGB and scale it down to `max_side`.

    Transparent parts become white, as a browser shows them on a page.

    Returns:
        uint8 array [height, width, 3], RGB, neither side above `max_side`.
    """
    upright = turn_upright(image)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    if upright.mode.startswith("I;16"):
        # Pillow clips 16-bit grey to white instead of scaling it.
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    rgb = upright.convert("RGB")
    rgb.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def trim_bars(pixels: np.ndarray) -> np.ndarray:
    """Cut off the black or white bars, and margins, at the edges of a uint8 RGB image [h, w, 3]."""
    return pixels[content(pixels)]


def content(pixels: np.ndarray) -> tuple[slice, slice]:
    """Find the rows and columns of a uint8 RGB image [h, w, 3] that are no bars at its edges.

    Where little would be left, all of them.
    """
    everything = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
    dark, light = pixels.max(axis=2) <= BAR_TOLERANCE, pixels.min(axis=2) >= 255 - BAR_TOLERANCE
    rows = _content(dark, light, axis=1)
    if rows.stop == 0:
        return everything
    columns = _content(dark[rows], light[rows], axis=0)
    enough = pixels[rows, columns].size >= LEAST_CONTENT * pixels.size
    return (rows, columns) if enough else everything


def _content(dark: np.ndarray, light: np.ndarray, axis: int) -> slice:
    bars = (dark.mean(axis) >= BAR_PURITY) | (light.mean(axis) >= BAR_PURITY)
    content = np.flatnonzero(~bars)
    return slice(content[0], content[-1] + 1) if len(content) else slice(0, 0)
