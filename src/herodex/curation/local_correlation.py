"""Correlation of small blocks of two aligned images.

Images of one kind agree in their coarse layout: characters on a plain ground, chest x-rays, fruit on a
shelf. A near duplicate agrees in the detail as well, so blocks of a few pixels are compared: each in grey and
in colour, without its mean, at the best of a few shifts.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from herodex.curation.alignment import Placement

SIDE, BLOCKS = 64, 8
"""Pixels per side of the compared images, and blocks per side."""
SEARCH, SETTLE = 4, 1
"""Largest shift in pixels before the placement is refined, and after it."""
NOISE = 4.0
"""Variance of a block in squared grey levels below which its correlation fades, as compression adds it."""
FLAT = 2.0
"""Standard deviation of grey levels up to which a block has no detail to compare."""
BUSY = 75
"""Percentile of the detail at which a block's weight is capped, so a watermark cannot outweigh the image."""
REFITS = 3
"""Repetitions of the fit of the shifts without outliers."""

AVERAGE = np.repeat(np.eye(BLOCKS, dtype=np.float32), SIDE // BLOCKS, axis=1) * np.float32(BLOCKS / SIDE)
"""Matrix that averages the pixels of a block along one side."""

Box = tuple[float, float, float, float]
Grid = Float[np.ndarray, "8 8"]


@dataclass(frozen=True)
class _Blocks:
    """The best correlation of each block, its shift in pixels, and its weight."""

    correlation: Grid
    down: Grid
    right: Grid
    weight: Grid


def local_correlation(
    one: UInt8[np.ndarray, "h w 3"], other: UInt8[np.ndarray, "i j 3"], placement: Placement
) -> float:
    """Return the mean correlation of the blocks of two images, at most 1, by a placement of `one` in `other`.

    Blocks count by their detail. The placement is refined by the shifts of the blocks first. Images without
    detail have a correlation of 0.
    """
    part, whole = (other, one) if placement.swapped else (one, other)
    part = np.ascontiguousarray(part[:, ::-1]) if placement.mirrored else part
    all_of_it: Box = (0.0, 0.0, 1.0, 1.0)
    coarse = _compare(_crop(part, all_of_it), _crop(whole, placement.box), SEARCH, in_colour=False)
    if coarse.weight.sum() == 0:
        return 0.0
    part_box, whole_box = _refine(placement.box, coarse)
    fine = _compare(_crop(part, part_box), _crop(whole, whole_box), SETTLE, in_colour=True)
    total = fine.weight.sum()
    return float((fine.weight * fine.correlation).sum() / total) if total > 0 else 0.0


def _crop(pixels: UInt8[np.ndarray, "h w 3"], box: Box) -> Float32[np.ndarray, "3 64 64"]:
    height, width = pixels.shape[:2]
    left, top, right, bottom = (min(max(share, 0.0), 1.0) for share in box)
    cut = (left * width, top * height, right * width, bottom * height)
    small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=cut)
    return np.ascontiguousarray(np.moveaxis(np.asarray(small, np.float32), 2, 0))


def _means(values: Float32[np.ndarray, "*shifts 64 64"]) -> Float32[np.ndarray, "*shifts 8 8"]:
    """Average the pixels of each block."""
    return AVERAGE @ values @ AVERAGE.T


def _compare(
    part: Float32[np.ndarray, "3 64 64"],
    whole: Float32[np.ndarray, "3 64 64"],
    reach: int,
    in_colour: bool,
) -> _Blocks:
    """Correlate the blocks of `part` with those of `whole` at every shift up to `reach`.

    In colour, the three channels of a block are one vector with one mean, and the lower of both correlations
    counts: the same shape in another colour is another thing.
    """
    padded = np.pad(whole, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    grey, shifted = part.mean(axis=0), _shifts(padded.mean(axis=0))
    mean, means = _means(grey), _means(shifted)
    variance = np.maximum(_means(grey * grey) - mean * mean, 0)
    variances = np.maximum(_means(shifted * shifted) - means * means, 0)
    fits = (_means(grey * shifted) - mean * means) / np.sqrt((variance + NOISE) * (variances + NOISE))
    if in_colour:
        colours = np.stack([_shifts(channel) for channel in padded])
        own = _means((part * part).mean(axis=0)) - mean * mean
        others = _means((colours * colours).mean(axis=0)) - means * means
        joint = _means((part[:, None] * colours).mean(axis=0)) - mean * means
        fits = np.minimum(fits, joint / np.sqrt((own + NOISE) * (others + NOISE)))
    best = fits.argmax(axis=0)
    down, right = np.divmod(best, 2 * reach + 1)
    detail = np.sqrt(np.maximum(variance, variances[len(fits) // 2]))
    weight = np.where(detail > FLAT, np.minimum(detail, np.percentile(detail, BUSY)), 0)
    return _Blocks(fits.max(axis=0), down - float(reach), right - float(reach), weight)


def _shifts(padded: Float32[np.ndarray, "h w"]) -> Float32[np.ndarray, "shifts 64 64"]:
    """Cut a padded channel at every shift; the middle one is unshifted."""
    return sliding_window_view(padded, (SIDE, SIDE)).reshape(-1, SIDE, SIDE)


def _refine(box: Box, blocks: _Blocks) -> tuple[Box, Box]:
    """Move and scale a box by the shifts of the blocks.

    Returns:
        the boxes to cut out of the placed image and of the other one; they differ from the whole image and
        the moved box if the moved box leaves the other image.
    """
    centres = (np.arange(BLOCKS) + 0.5) / BLOCKS - 0.5
    trust = blocks.weight * np.maximum(blocks.correlation, 0) ** 4
    part, whole = [0.0, 0.0, 1.0, 1.0], list(box)
    for low, shifts, places in (
        (0, blocks.right, np.tile(centres, (BLOCKS, 1))),
        (1, blocks.down, np.tile(centres[:, None], (1, BLOCKS))),
    ):
        high = low + 2
        shift, growth = _fit_line(places.ravel(), shifts.ravel() / SIDE, trust.ravel())
        length = box[high] - box[low]
        start = box[low] + length * (shift - growth / 2)
        end = box[high] + length * (shift + growth / 2)
        before, after = (max(excess, 0) / (end - start) for excess in (-start, end - 1))
        part[low], part[high] = before, 1 - after
        whole[low], whole[high] = start + before * (end - start), end - after * (end - start)
    return (part[0], part[1], part[2], part[3]), (whole[0], whole[1], whole[2], whole[3])


def _fit_line(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    """Fit a line by weighted least squares without outliers; return its value at 0 and its slope."""
    inlier = np.ones(len(x), bool)
    value, slope = 0.0, 0.0
    for _ in range(REFITS):
        kept = weights * inlier
        total = kept.sum()
        if total <= 0:
            return 0.0, 0.0
        mean_x, mean_y = (kept * x).sum() / total, (kept * y).sum() / total
        # The small term keeps the slope at 0 if all blocks with detail lie at one place.
        spread = (kept * (x - mean_x) ** 2).sum() + 0.01 * total
        slope = float((kept * (x - mean_x) * (y - mean_y)).sum() / spread)
        value = float(mean_y - slope * mean_x)
        residual = np.abs(y - value - slope * x)
        inlier = residual <= max(1.5 * float(np.median(residual[weights > 0])), 0.5 / SIDE)
    return value, slope
