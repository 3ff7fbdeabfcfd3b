"""How good an image is to look at: its shape, light, content and focus.

Shape, light and content are cleanvision's measures. Its blurriness counts grey levels as well as edges, and
takes most blurred drawings for sharp ones; the measure of Crété et al. 2007 does not.
"""

from dataclasses import dataclass

import numpy as np
from cleanvision.issue_managers.image_property import (
    calc_aspect_ratio,
    calc_entropy,
    calc_percentile_brightness,
)
from PIL import Image
from scipy.ndimage import uniform_filter1d

from herodex.params import CleanImagesParams

INFORMATION_SCALE = 0.1
"""cleanvision's default, by which an entropy in bits comes to lie between 0 and 1."""
FOCUS_SIDE = 224
"""Pixels of the long side at which focus is measured, so that it does not depend on an image's size."""
BLUR_WIDTH = 11


@dataclass(frozen=True)
class Quality:
    """Scores from 0, worst, to 1.

    Attributes:
        shape: the short side over the long one.
        light: the brightness that 99 % of the pixels stay below.
        dark: how far below white the brightness is that 95 % of the pixels exceed.
        information: the entropy of the pixels' values in bits, over 10.
        sharpness: 1 - Crété's blur.
    """

    shape: float
    light: float
    dark: float
    information: float
    sharpness: float


def measure_quality(pixels: np.ndarray) -> Quality:
    """Measure a uint8 RGB image [h, w, 3] without its bars."""
    image = Image.fromarray(pixels)
    darkest, lightest = calc_percentile_brightness(image, [5, 99])
    return Quality(
        shape=calc_aspect_ratio(image),
        light=float(lightest),
        dark=1 - float(darkest),
        information=min(INFORMATION_SCALE * calc_entropy(image), 1.0),
        sharpness=measure_sharpness(image),
    )


def measure_sharpness(image: Image.Image) -> float:
    """Share of the differences between neighbouring pixels that a blur takes away, along the worse axis.

    Crété, Dolmiere, Ladret, Nicolas: "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", SPIE 2007. scikit-image has it, but would be installed for these lines alone.
    """
    scaled = image.convert("L")
    scaled.thumbnail((FOCUS_SIDE, FOCUS_SIDE), Image.Resampling.LANCZOS)
    grey = np.asarray(scaled, np.float32)
    return min(_edges_lost(grey, axis) for axis in (0, 1))


def _edges_lost(grey: np.ndarray, axis: int) -> float:
    blurred = uniform_filter1d(grey, BLUR_WIDTH, axis=axis)
    before, after = (np.abs(np.diff(values, axis=axis)) for values in (grey, blurred))
    total = before.sum(dtype=np.float64)
    return float(np.maximum(before - after, 0).sum(dtype=np.float64) / total) if total else 0.0


def worst_fault(quality: Quality, params: CleanImagesParams) -> tuple[str, float]:
    """Name the first check that an image fails and its score there; ("", 1) where it fails none."""
    checks = (
        ("odd_aspect", quality.shape, params.min_aspect_ratio),
        ("too_dark", quality.light, params.min_light),
        ("too_light", quality.dark, params.min_dark),
        ("low_information", quality.information, params.min_information),
        ("blurry", quality.sharpness, params.min_sharpness),
    )
    for reason, score, least in checks:
        if score < least:
            return reason, score
    return "", 1.0
