"""Kinds of test images that are looked at on their own, because a mean may hide one that fares badly."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

SMALL = 200
"""Pixels of the short side below which an image is small."""
DARK = 60
"""Mean level of 255 below which an image is dark."""
FLAT = {16: 0.5, 4: 0.4}
"""Shares of an image's pixels in so many of its commonest colours, of 512, from which it is flat."""
LEAST = 5
"""Images that a slice must have to be reported."""


def is_flat(image: np.ndarray) -> bool:
    """Whether a uint8 RGB image [h, w, 3] has large areas of few colours, as drawings and logos have."""
    levels = (image.reshape(-1, 3) // 32).astype(int) @ np.array([64, 8, 1])
    counts = np.sort(np.bincount(levels, minlength=512))
    return all(counts[-few:].sum() >= share * counts.sum() for few, share in FLAT.items())


def slices(rows: pd.DataFrame, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Sort test images into slices, which may overlap.

    Args:
        rows: with `source`, `width` and `height`.
        images: uint8 RGB [h, w, 3].

    Returns:
        for each slice that has some images, which they are: bool [n].
    """
    short = rows[["width", "height"]].astype(int).min(axis=1).to_numpy()
    shape = np.array([max(p.shape[:2]) / min(p.shape[:2]) for p in images])
    flat = np.array([is_flat(image) for image in images])
    found = {
        "flat colours, as drawings": flat,
        "many colours, as photographs": ~flat,
        f"below {SMALL} pixels": short < SMALL,
        "dark": np.array([image.mean() < DARK for image in images]),
        "wider or taller than 3:2": shape > 1.5,
    }
    for source in sorted(set(rows["source"])):
        found[f"from {source}"] = (rows["source"] == source).to_numpy()
    return {name: chosen for name, chosen in found.items() if chosen.sum() >= LEAST}
