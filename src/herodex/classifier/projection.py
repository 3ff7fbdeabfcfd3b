"""Many features of few images, turned so that as few numbers as images tell the same."""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

LEAST_DEVIATION = 1e-3
"""Features that hardly vary are not blown up."""
LEAST_SHARE = 1e-7
"""Directions with less of the greatest variance than this are rounding errors."""


@dataclass(frozen=True)
class RowSpace:
    """Standardised features, turned into the space that they span.

    Attributes:
        mean: of each feature, float [features].
        deviation: its standard deviation, float [features].
        rows: the turned features, float64 [n, dimensions].
        basis: by which other standardised rows are multiplied to be turned likewise,
            float64 [features, dimensions].
    """

    mean: np.ndarray
    deviation: np.ndarray
    rows: np.ndarray
    basis: np.ndarray


def turn(features: np.ndarray) -> RowSpace:
    """Standardise and turn features, float [n, features]."""
    mean, deviation = standardise(features)
    # On several threads sums would come out in another order, and other digits with them.
    with threadpool_limits(1):
        return RowSpace(mean, deviation, *rotate((features - mean) / deviation))


def standardise(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure mean and standard deviation of each feature [n, features]; both float [features]."""
    return features.mean(axis=0), features.std(axis=0) + LEAST_DEVIATION


def rotate(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn rows into the space that they span.

    A linear model with an L2 penalty is the same in it, and far sooner fitted.

    Args:
        values: float [n, features].

    Returns:
        the turned rows, float64 [n, dimensions], and the basis, float64 [features, dimensions], by which
        other rows are multiplied to be turned in the same way.
    """
    gram = values.astype(np.float64) @ values.T.astype(np.float64)
    variance, directions = np.linalg.eigh(gram)
    large = variance > LEAST_SHARE * variance[-1]
    length = np.sqrt(variance[large])
    return directions[:, large] * length, values.T @ (directions[:, large] / length)
