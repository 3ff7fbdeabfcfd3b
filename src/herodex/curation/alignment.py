"""Pixel correlation of two images over crops, scales and mirroring."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

SIDE = 30
"""Side of a thumbnail in pixels: enough to tell images apart, too few to show a watermark."""
CERTAIN = 0.97
"""Correlation of whole images above which crops are not tried."""
MIN_CROP_SIDE, MIN_CROP_AREA = 24, 0.78
"""Least side in pixels, and least share of the area, that a crop keeps."""


def thumbnail(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "30 30 3"]:
    """Scale an image to SIDE × SIDE pixels, ignoring its proportions."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))


@dataclass(frozen=True)
class Placement:
    """The best placement of one image in another.

    Attributes:
        correlation: of the pixels at this placement, at most 1.
        swapped: the second image is placed in the first.
        mirrored: the placed image is mirrored.
        box: left, top, right and bottom of the placed image, as shares of the other image's sides.
    """

    correlation: float
    swapped: bool = False
    mirrored: bool = False
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


def place(one: UInt8[np.ndarray, "30 30 3"], other: UInt8[np.ndarray, "30 30 3"]) -> Placement:
    """Find the best placement of two thumbnails over crops and mirroring."""
    field = other.reshape(1, -1).astype(np.float32)
    as_wholes = [
        Placement(float(_correlations(field, side.astype(np.float32).ravel())[0]), mirrored=mirrored)
        for mirrored, side in ((False, one), (True, one[:, ::-1]))
    ]
    best = max(as_wholes, key=_correlation)
    if best.correlation >= CERTAIN:
        return best
    crops = [
        _best_crop(part, whole, swapped, mirrored)
        for swapped, part, whole in ((False, one, other), (True, other, one))
        for mirrored in (False, True)
    ]
    return max(crops, key=_correlation)


def alignment(one: UInt8[np.ndarray, "30 30 3"], other: UInt8[np.ndarray, "30 30 3"]) -> float:
    """Return the best correlation of two thumbnails over crops and mirroring, at most 1."""
    return place(one, other).correlation


def _correlation(placement: Placement) -> float:
    return placement.correlation


def _best_crop(
    part: UInt8[np.ndarray, "30 30 3"], whole: UInt8[np.ndarray, "30 30 3"], swapped: bool, mirrored: bool
) -> Placement:
    image = Image.fromarray(np.ascontiguousarray(part[:, ::-1] if mirrored else part))
    field, best = whole.astype(np.float32), Placement(-1.0)
    for width in range(MIN_CROP_SIDE, SIDE + 1, 2):
        for height in range(MIN_CROP_SIDE, SIDE + 1, 2):
            if width * height < MIN_CROP_AREA * SIDE * SIDE:
                continue
            scaled = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
            windows = sliding_window_view(field, (height, width, 3)).reshape(-1, height * width * 3)
            fits = _correlations(windows, scaled.ravel())
            at = int(fits.argmax())
            if fits[at] > best.correlation:
                top, left = divmod(at, SIDE + 1 - width)
                box = (left / SIDE, top / SIDE, (left + width) / SIDE, (top + height) / SIDE)
                best = Placement(float(fits[at]), swapped, mirrored, box)
    return best


def _correlations(
    rows: Float32[np.ndarray, "rows values"], vector: Float32[np.ndarray, " values"]
) -> Float[np.ndarray, " rows"]:
    centred = vector - vector.mean()
    means = rows.mean(axis=1)
    deviations = np.sqrt(np.maximum((rows * rows).mean(axis=1) - means * means, 1e-6))
    return rows @ centred / (len(vector) * deviations * max(float(centred.std()), 1e-3))
