"""Fits the space in which pictures are compared; the service only uses it."""

import numpy as np
from sklearn.covariance import shrunk_covariance

from herodex.classifier.familiarity import Space
from herodex.classifier.rotate import rotate, standardise


def fit_space(features: np.ndarray, labels: np.ndarray, shrinkage: float) -> Space:
    """Fit the metric of linear discriminant analysis: what varies within labels counts less.

    There are more features than pictures, so the covariance within labels is shrunk towards a multiple of
    the identity, and only what the pictures span is looked at.

    Args:
        features: float32 [n, features].
        labels: of what each picture shows, [n].
        shrinkage: from above 0, the covariance as it is, to 1, none.
    """
    mean, deviation = standardise(features)
    rotated, basis = rotate((features - mean) / deviation)
    names, place = np.unique(labels, return_inverse=True)
    centres = np.stack([rotated[place == i].mean(axis=0) for i in range(len(names))])
    within = rotated - centres[place]
    covariance = shrunk_covariance(within.T @ within / len(within), shrinkage=shrinkage)
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    projection = (basis @ whitening) / deviation[:, None]
    # The pictures' own mean becomes the origin; standardising has moved it there already.
    return Space(projection.astype(np.float32), (mean @ projection).astype(np.float32))
