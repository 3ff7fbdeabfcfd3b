"""Drift of classified images: rank of their OOD scores among those of training images."""

import logging
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from herodex import paths
from herodex.errors import UserError
from herodex.serving import metrics

log = logging.getLogger(__name__)

QUANTILES = paths.CLASSIFIER / "ood_quantiles.npy"
"""Quantiles at equal steps, in ascending order, of the OOD scores of the classes' training images.

The scores are out-of-fold, because a classifier gives the images that it has learned from higher ones.
"""


class OodDrift:
    """Observer of OOD scores; observes nothing if the classifier has no quantiles.

    Args:
        root: Folder of the project.

    Raises:
        UserError: The quantiles are not two or more ordered numbers.
    """

    def __init__(self, root: Path) -> None:
        self._quantiles = load_quantiles(root / QUANTILES)

    def observe(self, score: float) -> None:
        """Record the rank of an image's OOD score."""
        if self._quantiles is not None:
            metrics.OOD_RANK.observe(rank(self._quantiles, score))


def load_quantiles(file: Path) -> Float64[np.ndarray, " n"] | None:
    """Load the quantiles, or None, with a line in the log, if there is no such file.

    Raises:
        UserError: The file does not hold two or more ordered numbers.
    """
    if not file.exists():
        log.warning("no drift of OOD scores in /metrics: %s is missing; train the classifier again", file)
        return None
    quantiles = np.load(file, allow_pickle=False)
    ordered = quantiles.ndim == 1 and len(quantiles) > 1 and bool((np.diff(quantiles) >= 0).all())
    if not ordered or not np.isfinite(quantiles).all():
        raise UserError(
            f"{file} is damaged: its numbers are not ordered quantiles.",
            "Restore it with `dvc checkout`, or run `make run`.",
        )
    return quantiles.astype(np.float64)


def rank(quantiles: Float64[np.ndarray, " n"], score: float) -> float:
    """Return the share of training images with a lower score, interpolated between their quantiles."""
    return float(np.interp(score, quantiles, np.linspace(0, 1, len(quantiles))))
