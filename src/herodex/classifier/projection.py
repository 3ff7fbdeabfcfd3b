"""Project features onto their row space (cheaper where there are fewer images than features)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64
from threadpoolctl import threadpool_limits

LEAST_DEVIATION = 1e-3
"""Added to standard deviations, so that features that hardly vary are not blown up."""
LEAST_SHARE = 1e-7
"""Directions with a smaller share of the greatest variance are rounding errors."""


@dataclass(frozen=True)
class RowSpace:
    """Standardised features in an orthonormal basis of their row space.

    A linear model with an L2 penalty is the same in this basis, and is fitted in less time.

    Attributes:
        mean: of each feature.
        deviation: standard deviation of each feature.
        coordinates: of the projected rows.
        basis: multiplies other standardised rows to project them likewise.
    """

    mean: Float[np.ndarray, " features"]
    deviation: Float[np.ndarray, " features"]
    coordinates: Float[np.ndarray, "n dimensions"]
    basis: Float64[np.ndarray, "features dimensions"]


def centre(components: Float32[np.ndarray, "n components"]) -> RowSpace:
    """Centre principal components; standardising them would make noise as large as the first ones."""
    width = int(components.shape[1])
    ones: Float64[np.ndarray, " width"] = np.ones(width)
    mean = components.mean(axis=0, dtype=np.float64)
    coordinates = components - mean.astype(np.float32)
    return RowSpace(mean, ones, coordinates, np.eye(width))


def project(features: Float[np.ndarray, "n features"]) -> RowSpace:
    """Standardise features and project them onto their row space."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + LEAST_DEVIATION
    # Sums on several threads come in varying order, and with varying digits.
    with threadpool_limits(1):
        return RowSpace(mean, deviation, *row_space(((features - mean) / deviation).astype(np.float64)))


def row_space(
    values: Float64[np.ndarray, "n features"],
) -> tuple[Float64[np.ndarray, "n dimensions"], Float64[np.ndarray, "features dimensions"]]:
    """Compute rows' coordinates in an orthonormal basis of their row space, and the basis.

    The cost grows with the cube of the smaller of rows and features: it decomposes their Gram matrix or
    their covariance, whichever is smaller.
    """
    n, features = values.shape
    variance, directions = np.linalg.eigh(values @ values.T if n <= features else values.T @ values)
    large = variance > LEAST_SHARE * variance[-1]
    if n > features:
        basis = directions[:, large]
        return values @ basis, basis
    length = np.sqrt(variance[large])
    return directions[:, large] * length, values.T @ (directions[:, large] / length)
