"""Pixel correlation of two images over crops, scales and mirroring."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

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
CROPS = [
    (width, height)
    for width in range(MIN_CROP_SIDE, SIDE + 1, 2)
    for height in range(MIN_CROP_SIDE, SIDE + 1, 2)
    if width * height >= MIN_CROP_AREA * SIDE * SIDE
]
"""Widths and heights of the crops that are tried."""
CACHED = 256
"""Thumbnails whose scaled versions, 0.2 MB each, are kept."""


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
    field = _windows(other.reshape(1, -1).astype(np.float32))
    as_wholes = [
        Placement(float(_correlations(field, _pattern(side))[0]), mirrored=mirrored)
        for mirrored, side in ((False, one), (True, one[:, ::-1]))
    ]
    best = max(as_wholes, key=_correlation)
    if best.correlation >= CERTAIN:
        return best
    crops = [*_best_crops(one, other, swapped=False), *_best_crops(other, one, swapped=True)]
    return max(crops, key=_correlation)


def alignment(one: UInt8[np.ndarray, "30 30 3"], other: UInt8[np.ndarray, "30 30 3"]) -> float:
    """Return the best correlation of two thumbnails over crops and mirroring, at most 1."""
    return place(one, other).correlation


def _correlation(placement: Placement) -> float:
    return placement.correlation


class _Windows(NamedTuple):
    """Parts of an image, and their standard deviations."""

    rows: Float32[np.ndarray, "rows values"]
    deviations: Float32[np.ndarray, " rows"]


class _Pattern(NamedTuple):
    """An image around its mean, and its standard deviation."""

    centred: Float32[np.ndarray, " values"]
    deviation: float


def _best_crops(
    part: UInt8[np.ndarray, "30 30 3"], whole: UInt8[np.ndarray, "30 30 3"], swapped: bool
) -> list[Placement]:
    """Find the best placement of a part in a whole, as it is and mirrored."""
    field, best = whole.astype(np.float32), [Placement(-1.0), Placement(-1.0)]
    for (width, height), patterns in zip(CROPS, _scaled(part.tobytes()), strict=True):
        views = sliding_window_view(field, (height, width, 3)).reshape(-1, height * width * 3)
        windows = _windows(views)
        for mirrored, pattern in enumerate(patterns):
            fits = _correlations(windows, pattern)
            at = int(fits.argmax())
            if fits[at] > best[mirrored].correlation:
                top, left = divmod(at, SIDE + 1 - width)
                box = (left / SIDE, top / SIDE, (left + width) / SIDE, (top + height) / SIDE)
                best[mirrored] = Placement(float(fits[at]), swapped, bool(mirrored), box)
    return best


@lru_cache(CACHED)
def _scaled(thumbnail: bytes) -> list[tuple[_Pattern, _Pattern]]:
    """Scale a thumbnail to the size of each crop, as it is and mirrored; an image is in several pairs."""
    pixels = np.frombuffer(thumbnail, np.uint8).reshape(SIDE, SIDE, 3)
    sides = [Image.fromarray(np.ascontiguousarray(each)) for each in (pixels, pixels[:, ::-1])]
    scaled = [[side.resize(size, Image.Resampling.BILINEAR) for side in sides] for size in CROPS]
    return [(_pattern(np.asarray(plain)), _pattern(np.asarray(mirrored))) for plain, mirrored in scaled]


def _pattern(pixels: UInt8[np.ndarray, "h w 3"]) -> _Pattern:
    vector = pixels.astype(np.float32).ravel()
    centred = vector - vector.mean()
    return _Pattern(centred, float(centred.std()))


def _windows(rows: Float32[np.ndarray, "rows values"]) -> _Windows:
    means = rows.mean(axis=1)
    return _Windows(rows, np.sqrt(np.maximum((rows * rows).mean(axis=1) - means * means, 1e-6)))


def _correlations(windows: _Windows, pattern: _Pattern) -> Float[np.ndarray, " rows"]:
    scale = len(pattern.centred) * windows.deviations * max(pattern.deviation, 1e-3)
    return windows.rows @ pattern.centred / scale
