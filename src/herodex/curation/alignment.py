"""Whether one image is another one cut, scaled, mirrored or marked: pixel by pixel, part by part."""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

SIDE = 30
"""Pixels a side at which images are compared: enough to tell two apart, too few to see a watermark."""
SURE = 0.97
"""The correlation of wholes from which no part is looked at."""
LEAST = 24
"""Pixels of a side that a cut leaves at least; a fifth may be missing."""


def miniature(pixels: np.ndarray) -> np.ndarray:
    """Scale a uint8 RGB image [h, w, 3] to SIDE pixels a side, whatever its proportions."""
    return np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX))


def alignment(one: np.ndarray, other: np.ndarray) -> float:
    """Correlate two miniatures where they fit best: wholes, or one a part of the other, mirrored or not.

    Returns:
        the correlation of their pixels, at most 1; where they fit as wholes, of these.
    """
    field = other.reshape(1, -1).astype(np.float32)
    as_wholes = max(
        float(_correlations(field, side.astype(np.float32).ravel())[0]) for side in (one, one[:, ::-1])
    )
    if as_wholes >= SURE:
        return as_wholes
    return max(
        _best_fit(part, whole)
        for part, whole in ((one, other), (one[:, ::-1], other), (other, one), (other[:, ::-1], one))
    )


def _best_fit(part: np.ndarray, whole: np.ndarray) -> float:
    image, best = Image.fromarray(np.ascontiguousarray(part)), -1.0
    field = whole.astype(np.float32)
    for width in range(LEAST, SIDE + 1, 2):
        for height in range(LEAST, SIDE + 1, 2):
            if width * height < 0.78 * SIDE * SIDE:
                continue
            scaled = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR), np.float32)
            windows = sliding_window_view(field, (height, width, 3)).reshape(-1, height * width * 3)
            best = max(best, float(_correlations(windows, scaled.ravel()).max()))
    return best


def _correlations(rows: np.ndarray, vector: np.ndarray) -> np.ndarray:
    centred = vector - vector.mean()
    means = rows.mean(axis=1)
    deviations = np.sqrt(np.maximum((rows * rows).mean(axis=1) - means * means, 1e-6))
    return rows @ centred / (len(vector) * deviations * max(float(centred.std()), 1e-3))


def confirm(
    pairs: np.ndarray, files: list[str], read: Callable[[str], np.ndarray], least: float
) -> np.ndarray:
    """Keep those pairs whose images fit each other.

    Args:
        pairs: int [n, 2], positions in `files`.
        files: the images' names in the manifest.
        read: gives an image by its name, uint8 RGB [h, w, 3].
        least: the alignment from which two images are one.

    Returns:
        int [n, 2], some of the pairs.
    """
    miniatures = {int(place): miniature(read(files[place])) for place in np.unique(pairs)}
    fits = [alignment(miniatures[one], miniatures[other]) >= least for one, other in pairs.tolist()]
    return pairs[np.array(fits, bool)]
