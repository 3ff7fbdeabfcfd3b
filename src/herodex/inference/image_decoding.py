"""Untrusted image bytes to normalised RGB pixels.

The pipeline and the service both decode images here, so that both see the same pixels.
"""

import io
import re
from collections.abc import Mapping
from typing import Literal, cast

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from PIL import Image

from herodex.file_kind import DECODED, FileKind, recognise
from herodex.inference.image_structure import StructureError, essential, exif_orientation

BAR_TOLERANCE = 24
"""Levels of 255 by which a bar's pixel may differ from black or white; compression blurs a bar's edge."""
BAR_PURITY = 0.98
"""Share of black or white pixels from which a row or column belongs to a bar."""
LEAST_CONTENT = 0.1
"""Share of the image that trimming must leave."""

FORMATS = tuple(kind.decoder for kind in DECODED)
REDUCED_FROM = 25_000_000
"""Pixels above which a JPEG is decoded at half its width and height, which takes a quarter of the memory."""
FULL_SIZE = "full size"
"""Key of `Image.info` for the width and height that a reduced image has in its file."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by its orientation."""
XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')
PHOTOMETRIC, SAMPLE_FORMAT, WHITE_IS_ZERO, UNSIGNED = 262, 339, 0, 1
"""Tags of a TIFF and values of these."""


class ImageError(Exception):
    """An image cannot be used.

    `kind` is `truncated` (the file breaks off), `unreadable` (it is damaged otherwise), `unsupported`
    (no image, or a format that is not accepted), `too_large` (too many pixels) or `too_complex` (parts that
    would take too long to decode).
    """

    def __init__(
        self,
        kind: Literal["truncated", "unreadable", "unsupported", "too_large", "too_complex"],
        message: str,
    ) -> None:
        super().__init__(message)
        self.kind = kind


def open_image(
    data: bytes,
    max_pixels: int,
    formats: tuple[str, ...] = FORMATS,
    max_jpeg_pixels: int | None = None,
) -> Image.Image:
    """Decode an image's first frame, after checking its size and structure.

    Args:
        data: the file's bytes; the format is read from them, not from a file name.
        max_pixels: the largest accepted width × height.
        formats: the accepted formats, by Pillow's names.
        max_jpeg_pixels: the same for JPEG, which can be decoded at reduced size; None: `max_pixels`.

    Returns:
        The image. A JPEG of more than REDUCED_FROM pixels has half its width and height; `full_size` tells
        them.

    Raises:
        ImageError: the bytes are not such an image, are damaged, or claim too much.
    """
    image = read_header(data, max_pixels, formats, max_jpeg_pixels)
    width, height = image.size
    if image.format == "JPEG" and width * height > REDUCED_FROM:
        image.draft(None, (width // 2, height // 2))
        image.info[FULL_SIZE] = (width, height)
    try:
        image.load()
    except Exception as error:
        raise _damaged(data, error) from None
    _correct_transparency(image, data)
    return image


def read_header(
    data: bytes,
    max_pixels: int,
    formats: tuple[str, ...] = FORMATS,
    max_jpeg_pixels: int | None = None,
) -> Image.Image:
    """Open an image without decoding its pixels; see `open_image`."""
    kind = _accepted_kind(data, formats)
    try:
        image = Image.open(io.BytesIO(essential(data)), formats=formats)
    except StructureError as error:
        raise ImageError("too_complex", str(error)) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError("too_large", "it has far too many pixels") from None
    except Image.UnidentifiedImageError:
        # Pillow checks a whole AVIF file before it accepts the signature.
        raise ImageError("unreadable", f"it is a damaged or truncated {kind.decoder}") from None
    # Pillow's readers raise exceptions of many types on damaged headers.
    except Exception as error:
        raise _damaged(data, error) from None
    width, height = image.size
    limit = max_jpeg_pixels or max_pixels if image.format == "JPEG" else max_pixels
    if width * height > limit:
        problem = f"it has {width}×{height} pixels, more than {limit:,}"
        if width * height <= (max_jpeg_pixels or 0):
            problem += f"; only JPEG may have up to {max_jpeg_pixels:,}, as it can be decoded at reduced size"
        raise ImageError("too_large", problem)
    return image


def full_size(image: Image.Image) -> tuple[int, int]:
    """Return the width and height that an image from `open_image` has in its file."""
    return image.info.get(FULL_SIZE, image.size)


def _accepted_kind(data: bytes, formats: tuple[str, ...]) -> FileKind:
    kind = recognise(data)
    if kind is None:
        raise ImageError("unsupported", f"it is not an image in {', '.join(formats)}")
    if not kind.decoder:
        raise ImageError("unsupported", kind.refusal)
    if kind.decoder not in formats:
        raise ImageError("unsupported", f"{kind.name} are not accepted, but {', '.join(formats)} are")
    return kind


def _damaged(data: bytes, error: Exception) -> ImageError:
    if isinstance(error, MemoryError):
        return ImageError("too_complex", "it takes too much memory to decode")
    # For a WebP that is shorter than its RIFF header says, Pillow reports damage, not truncation.
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    if (is_webp and int.from_bytes(data[4:8], "little") + 8 > len(data)) or "truncated" in str(error).lower():
        return ImageError("truncated", "it is truncated")
    return ImageError("unreadable", f"it is damaged ({error})")


def _correct_transparency(image: Image.Image, data: bytes) -> None:
    """Scale a PNG's transparent colour as Pillow scales its pixels: to 8 bits, but 16-bit grey not at all."""
    transparent = image.info.get("transparency")
    if image.format != "PNG" or image.mode not in ("L", "RGB") or transparent is None:
        return
    bits = data[24]
    if image.mode == "L" and bits < 8:
        image.info["transparency"] = (transparent & 2**bits - 1) * 255 // (2**bits - 1)
    elif image.mode == "RGB" and bits == 16:
        image.info["transparency"] = tuple(value >> 8 for value in transparent)


def apply_orientation(image: Image.Image) -> Image.Image:
    """Apply an image's orientation from Exif or XMP; ignore damaged metadata, as browsers do.

    Pillow applies a TIFF's own orientation itself.
    """
    method = None if image.format == "TIFF" else UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _orientation(image: Image.Image) -> int:
    exif = image.info.get("exif")
    if exif is None and isinstance(hexadecimal := image.info.get("Raw profile type exif"), str):
        try:
            # Three lines come before the digits: an empty one, the name and the length.
            exif = bytes.fromhex("".join(hexadecimal.split("\n")[3:]))
        except ValueError:
            return 1
    found = exif_orientation(exif) if isinstance(exif, bytes) else None
    if found is not None:
        return found
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    match = XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else xmp)
    return int(match[1]) if match else 1


def normalise(image: Image.Image, max_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """Convert a decoded image to upright RGB without bars, neither side above `max_side` pixels."""
    return trim_bars(to_rgb(image, max_side))


def to_rgb(image: Image.Image, max_side: int) -> UInt8[np.ndarray, "h w 3"]:
    """Convert a decoded image to upright RGB, scaled down to `max_side` pixels.

    Transparent parts become white, as on a web page.
    """
    rgb = _on_white(apply_orientation(image))
    rgb.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return np.asarray(rgb)


def _on_white(image: Image.Image) -> Image.Image:
    """Convert an image of any mode to RGB on a white background."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_scaled_grey(image)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return image.convert("RGB")


def _scaled_grey(image: Image.Image) -> UInt8[np.ndarray, "h w"]:
    """Scale a grey image of 16 or 32 bits to 8 bits; Pillow would clip it.

    Values of 32 bits are scaled by the range that they are meant for: 0 to 1, 255 or 65,535 if they fit, else
    from their minimum to their maximum.
    """
    tags = cast(Mapping[int, object], getattr(image, "tag_v2", {}))
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16)
        grey = (values >> 8).astype(np.uint8)
    else:
        values = np.asarray(image)
        if image.mode == "I" and _first(tags.get(SAMPLE_FORMAT, UNSIGNED)) == UNSIGNED:
            values = values.view(np.uint32)
        grey = _scaled_by_range(values.astype(np.float32), image.mode)
    if _first(tags.get(PHOTOMETRIC)) == WHITE_IS_ZERO:
        grey = 255 - grey
    if isinstance(transparent := image.info.get("transparency"), int):
        grey = np.where(values == transparent, np.uint8(255), grey)
    return grey


def _first(value: object) -> object:
    return cast(tuple[object, ...], value)[0] if isinstance(value, tuple) else value


def _scaled_by_range(values: Float32[np.ndarray, "h w"], mode: str) -> UInt8[np.ndarray, "h w"]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros(values.shape, np.uint8)
    low, high = float(finite.min()), float(finite.max())
    ranges = (1, 255, 65_535) if mode == "F" else (255, 65_535)
    nominal = next((top for top in ranges if low >= 0 and high <= top), None)
    if nominal is not None:
        low, high = 0.0, float(nominal)
    # Without a range, the image is of one value, which becomes black.
    scale = 255 / (high - low) if high > low else 0.0
    scaled = (np.nan_to_num(values, nan=low, posinf=high, neginf=low) - low) * scale
    return scaled.round().clip(0, 255).astype(np.uint8)


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
