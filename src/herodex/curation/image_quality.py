"""Image quality: aspect ratio, brightness, information and focus.

Aspect ratio, brightness and information are cleanvision's measures. Its blurriness depends on grey levels
as well as edges and passes most blurred drawings, so focus is measured as in Crété et al. 2007.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from herodex.params import CleanImagesParams

INFORMATION_SCALE = 0.1
"""cleanvision's default factor, which scales an entropy in bits to [0, 1]."""
FOCUS_SIDE = 224
"""Long side in pixels at which focus is measured, so that it does not depend on the image's size."""
BLUR_WIDTH = 11


@dataclass(frozen=True)
class Quality:
    """Scores from 0, worst, to 1.

    Attributes:
        shape: short side over long side.
        light: 99th percentile of brightness.
        dark: 1 - 5th percentile of brightness.
        information: entropy of the pixel values in bits, over 10.
        sharpness: 1 - Crété's blur.
    """

    shape: float
    light: float
    dark: float
    information: float
    sharpness: float


def measure_quality(pixels: UInt8[np.ndarray, "h w 3"]) -> Quality:
    """Measure the quality of a normalised RGB image."""
    # Its package imports matplotlib and pandas, a second that a stage on Ray spares on its own machine.
    from cleanvision.issue_managers.image_property import (
        calc_aspect_ratio,
        calc_entropy,
        calc_percentile_brightness,
    )

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
    """Return the share of pixel differences that blurring removes, on the worse axis.

    Crété, Dolmiere, Ladret, Nicolas: "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", SPIE 2007. scikit-image has it, but would be a dependency for this function
    alone.
    """
    scaled = image.convert("L")
    scaled.thumbnail((FOCUS_SIDE, FOCUS_SIDE), Image.Resampling.LANCZOS)
    grey = np.asarray(scaled, np.float32)
    return min(_edges_lost(grey, axis) for axis in (0, 1))


def _edges_lost(grey: Float32[np.ndarray, "h w"], axis: int) -> float:
    from scipy import ndimage

    blurred = cast(Any, ndimage).uniform_filter1d(grey, BLUR_WIDTH, axis=axis)
    before, after = (np.abs(np.diff(values, axis=axis)) for values in (grey, blurred))
    total = before.sum(dtype=np.float64)
    return float(np.maximum(before - after, 0).sum(dtype=np.float64) / total) if total else 0.0


def first_fault(quality: Quality, params: CleanImagesParams) -> tuple[str, float]:
    """Return the first failed check and its score, or ("", 1) if all pass."""
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
