"""Within-class whitening, the metric of linear discriminant analysis (LDA)."""

import numpy as np
from sklearn.covariance import shrunk_covariance
from threadpoolctl import threadpool_limits

from herodex.classifier.examples import Examples
from herodex.inference.ood import Whitening


def fit_whitening(examples: Examples, shrinkage: float) -> Whitening:
    """Fit the map after which features vary alike within every label.

    There are more features than images, so the covariance is shrunk towards a multiple of the identity, and
    only the images' row space is used.

    Args:
        examples: to fit.
        shrinkage: from above 0 (the covariance as it is) to 1 (no covariance).
    """
    space = examples.row_space
    names, place = np.unique(examples.labels, return_inverse=True)
    centres = np.stack([space.coordinates[place == i].mean(axis=0) for i in range(len(names))])
    within = space.coordinates - centres[place]
    # Sums on several threads come in varying order, and with varying digits.
    with threadpool_limits(1):
        covariance: np.ndarray = shrunk_covariance(within.T @ within / len(within), shrinkage=shrinkage)
        whitening: np.ndarray = np.linalg.cholesky(np.linalg.inv(covariance))
        projection = (space.basis @ whitening) / space.deviation[:, None]
        # Standardising has moved the images' mean to the origin.
        origin = space.mean @ projection
    return Whitening(projection.astype(np.float32), origin.astype(np.float32))
