"""Fits the space in which images are compared; the service only uses it."""

import numpy as np
from sklearn.covariance import shrunk_covariance
from threadpoolctl import threadpool_limits

from herodex.classifier.examples import Examples
from herodex.inference.ood import Whitening


def fit_whitening(examples: Examples, shrinkage: float) -> Whitening:
    """Fit the metric of linear discriminant analysis: what varies within labels counts less.

    There are more features than images, so the covariance within labels is shrunk towards a multiple of
    the identity, and only what the images span is looked at.

    Args:
        examples: to fit it to.
        shrinkage: from above 0, the covariance as it is, to 1, none.
    """
    turned = examples.turned
    names, place = np.unique(examples.labels, return_inverse=True)
    centres = np.stack([turned.rows[place == i].mean(axis=0) for i in range(len(names))])
    within = turned.rows - centres[place]
    # On several threads sums would come out in another order, and other digits with them.
    with threadpool_limits(1):
        covariance = shrunk_covariance(within.T @ within / len(within), shrinkage=shrinkage)
        whitening = np.linalg.cholesky(np.linalg.inv(covariance))
        projection = (turned.basis @ whitening) / turned.deviation[:, None]
        # The images' own mean becomes the origin; standardising has moved it there already.
        origin = turned.mean @ projection
    return Whitening(projection.astype(np.float32), origin.astype(np.float32))
