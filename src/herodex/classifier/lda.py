"""Within-class whitening, the metric of linear discriminant analysis (LDA)."""

import numpy as np
from jaxtyping import Float, Float64, Int
from sklearn.covariance import shrunk_covariance
from threadpoolctl import threadpool_limits

from herodex.classifier.examples import Examples
from herodex.inference.ood import Whitening

BLOCK_ROWS = 8192
"""More rows than features without reduction to principal components, so that one block holds those images."""


def fit_whitening(examples: Examples, shrinkage: float) -> Whitening:
    """Fit the map after which features vary alike within every label.

    The covariance is shrunk towards a multiple of the identity. Up to as many images as features, only the
    images' row space is used.

    Args:
        examples: to fit.
        shrinkage: from above 0 (the covariance as it is) to 1 (no covariance).
    """
    space = examples.row_space
    names, place = np.unique(examples.labels, return_inverse=True)
    centres = np.stack([space.coordinates[place == i].mean(axis=0) for i in range(len(names))])
    # Sums on several threads come in varying order, and with varying digits.
    with threadpool_limits(1):
        within = within_covariance(space.coordinates, centres, place)
        covariance: np.ndarray = shrunk_covariance(within, shrinkage=shrinkage)
        whitening: np.ndarray = np.linalg.cholesky(np.linalg.inv(covariance))
        projection = (space.basis @ whitening) / space.deviation[:, None]
        # Standardising has moved the images' mean to the origin.
        origin = space.mean @ projection
    return Whitening(projection.astype(np.float32), origin.astype(np.float32))


def within_covariance(
    coordinates: Float[np.ndarray, "n dimensions"],
    centres: Float[np.ndarray, "labels dimensions"],
    place: Int[np.ndarray, " n"],
) -> Float64[np.ndarray, "dimensions dimensions"]:
    """Compute the covariance of images around the centres of their labels, block by block.

    Args:
        coordinates: of the images.
        centres: of the labels.
        place: the position of each image's label among the centres.
    """
    total = np.zeros((coordinates.shape[1],) * 2)
    for start in range(0, len(coordinates), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        within = coordinates[rows] - centres[place[rows]]
        total += within.T @ within
    return total / len(coordinates)
