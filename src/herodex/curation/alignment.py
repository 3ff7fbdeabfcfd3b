"""Pixel correlation of two images over crops, scales and mirroring."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from herodex.dataset.manifest import ReadImage

SIDE = 30
"""Side of a thumbnail in pixels: enough to tell images apart, too few to show a watermark."""
CERTAIN = 0.97
"""Correlation of whole images above which crops are not tried."""
MIN_CROP_SIDE, MIN_CROP_AREA = 24, 0.78
"""Least side in pixels, and least share of the area, that a crop keeps."""


def thumbnail(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "30 30 3"]:
    """Scale an image to SIDE × SIDE pixels, ignoring its proportions."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))


def alignment(one: UInt8[np.ndarray, "30 30 3"], other: UInt8[np.ndarray, "30 30 3"]) -> float:
    """Return the best correlation of two thumbnails over crops and mirroring, at most 1."""
    field = other.reshape(1, -1).astype(np.float32)
    as_wholes = max(
        float(_correlations(field, side.astype(np.float32).ravel())[0]) for side in (one, one[:, ::-1])
    )
    if as_wholes >= CERTAIN:
        return as_wholes
    return max(
        _best_crop(part, whole)
        for part, whole in ((one, other), (one[:, ::-1], other), (other, one), (other[:, ::-1], one))
    )


def _best_crop(part: UInt8[np.ndarray, "30 30 3"], whole: UInt8[np.ndarray, "30 30 3"]) -> float:
    image, best = Image.fromarray(np.ascontiguousarray(part)), -1.0
    field = whole.astype(np.float32)
    for width in range(MIN_CROP_SIDE, SIDE + 1, 2):
        for height in range(MIN_CROP_SIDE, SIDE + 1, 2):
            if width * height < MIN_CROP_AREA * SIDE * SIDE:
                continue
            scaled = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
            windows = sliding_window_view(field, (height, width, 3)).reshape(-1, height * width * 3)
            best = max(best, float(_correlations(windows, scaled.ravel()).max()))
    return best


def _correlations(
    rows: Float32[np.ndarray, "rows values"], vector: Float32[np.ndarray, " values"]
) -> Float[np.ndarray, " rows"]:
    centred = vector - vector.mean()
    means = rows.mean(axis=1)
    deviations = np.sqrt(np.maximum((rows * rows).mean(axis=1) - means * means, 1e-6))
    return rows @ centred / (len(vector) * deviations * max(float(centred.std()), 1e-3))


def confirm_pairs(
    pairs: Int[np.ndarray, "pairs 2"], files: Sequence[str], read: ReadImage, min_alignment: float
) -> Int[np.ndarray, "confirmed 2"]:
    """Keep the pairs of positions in `files` whose images align."""
    places: list[int] = np.unique(pairs).tolist()
    thumbnails = {place: thumbnail(read(files[place])) for place in places}
    fits = [alignment(thumbnails[one], thumbnails[other]) >= min_alignment for one, other in pairs.tolist()]
    return pairs[np.array(fits, bool)]
