"""Slices of the test images, reported on their own because a mean may hide a weak one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

SMALL = 200
"""Pixels of the short side below which an image is small."""
DARK = 60
"""Mean level of 255 below which an image is dark."""
WIDE = 1.5
"""Long side over short side above which an image is wide or tall."""
FLAT = {16: 0.5, 4: 0.4}
"""Shares of an image's pixels in its so many commonest colours, of 512, from which it is flat."""
LEAST = 5
"""Images that a slice needs to be reported."""


class Traits(NamedTuple):
    """Properties of an image that slices are made of.

    `flat`: large areas of few colours, as in drawings and logos. `aspect`: long side over short side.
    `brightness`: mean level of 255.
    """

    flat: bool
    aspect: float
    brightness: float


def measure_traits(pixels: UInt8[np.ndarray, "h w 3"]) -> Traits:
    """Measure an image's traits."""
    height, width = pixels.shape[:2]
    return Traits(is_flat(pixels), max(height, width) / min(height, width), float(pixels.mean()))


def is_flat(pixels: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Tell whether an image has large areas of few colours, as drawings and logos have."""
    levels = (pixels.reshape(-1, 3) // 32).astype(int) @ np.array([64, 8, 1])
    counts = np.sort(np.bincount(levels, minlength=512))
    return all(bool(counts[-few:].sum() >= share * counts.sum()) for few, share in FLAT.items())


def slices(rows: pd.DataFrame, traits: Sequence[Traits]) -> dict[str, Bool[np.ndarray, " n"]]:
    """Sort test images into slices, which may overlap; slices of few images are left out.

    Args:
        rows: with `source`, `width` and `height`.
        traits: of each image.
    """
    short = rows[["width", "height"]].astype(int).min(axis=1).to_numpy()
    flat = np.array([one.flat for one in traits], bool)
    found = {
        "flat colours, as drawings": flat,
        "many colours, as photographs": ~flat,
        f"below {SMALL} pixels": short < SMALL,
        "dark": np.array([one.brightness < DARK for one in traits], bool),
        "wider or taller than 3:2": np.array([one.aspect > WIDE for one in traits], bool),
    }
    for source in sorted(set(rows["source"])):
        found[f"from {source}"] = (rows["source"] == source).to_numpy(bool)
    return {name: chosen for name, chosen in found.items() if chosen.sum() >= LEAST}
