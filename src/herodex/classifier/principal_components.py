"""Reduce the features of many images to their principal components, block by block.

Up to as many images as features, the fits use the images' row space and no direction is lost. Beyond that,
the time and the memory of each fit would grow with images times features. The components are fitted once,
without labels, to all images that models learn from; folds share them.
"""

import logging
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from herodex.classifier.projection import LEAST_DEVIATION
from herodex.inference.ood import Whitening
from herodex.scale.parallel import side_by_side

log = logging.getLogger(__name__)

LEAST_IMAGES = 5000
"""Images up to which all directions are kept, however few features there are."""
MOST_COMPONENTS = 512
BLOCK_ROWS = 2048
"""Rows of a block: 48 MiB of 6,144 features."""
POWER_ITERATIONS = 3
"""Of the randomised decomposition (Halko, Martinsson, Tropp 2011, https://arxiv.org/abs/0909.4061)."""


@dataclass(frozen=True)
class Components:
    """A linear map from features to principal components of standardised features.

    Attributes:
        projection: multiplies features.
        origin: is subtracted afterwards, so that the images' mean is at the origin.
        share: of the variance that the components hold.
    """

    projection: Float32[np.ndarray, "features components"]
    origin: Float32[np.ndarray, " components"]
    share: float

    def compose_head(
        self, weights: Float32[np.ndarray, "rows labels"]
    ) -> Float32[np.ndarray, "_rows labels"]:
        """Turn a head on components, with its bias as the last row, into one on features."""
        return np.vstack([self.projection @ weights[:-1], weights[-1] - self.origin @ weights[:-1]])

    def compose_whitening(self, whitening: Whitening) -> Whitening:
        """Turn a whitening of components into one of features."""
        origin = self.origin @ whitening.projection + whitening.origin
        return Whitening(self.projection @ whitening.projection, origin)

    def transform(self, features: Float[np.ndarray, "n features"]) -> Float32[np.ndarray, "n components"]:
        """Compute the components of images, block by block."""
        found = np.empty((len(features), len(self.origin)), np.float32)

        def fill(rows: slice) -> None:
            found[rows] = features[rows] @ self.projection - self.origin

        list(side_by_side(fill, blocks(len(features), BLOCK_ROWS)))
        return found


def has_many_images(images: int, features: int) -> bool:
    """Tell whether the fits use principal components: more images than features, and than 5,000."""
    return images > max(features, LEAST_IMAGES)


def blocks(rows: int, size: int) -> list[slice]:
    """Divide rows into blocks, the last one shorter."""
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]


def fit_components(
    features: Float[np.ndarray, "n features"],
    learnt: Bool[np.ndarray, " n"],
    most: int = MOST_COMPONENTS,
) -> Components:
    """Fit the principal components of the images that models learn from.

    Args:
        features: of all images; a block is in memory at a time, so that they may be a memory map.
        learnt: marks the images to fit.
        most: components at most.
    """
    mean, covariance = moments(features, learnt)
    deviation = np.sqrt(np.diag(covariance)) + LEAST_DEVIATION
    covariance /= deviation
    covariance /= deviation[:, None]
    total = float(np.trace(covariance))
    count = min(most, len(mean))
    with threadpool_limits(1):
        directions, variances, _ = randomized_svd(
            covariance.astype(np.float32), count, n_iter=POWER_ITERATIONS, random_state=0
        )
    share = float(variances.sum()) / total
    projection = (directions / deviation[:, None]).astype(np.float32)
    log.info(
        "%d principal components of %d features hold %.1f %% of the variance", count, len(mean), 100 * share
    )
    return Components(projection, (mean @ projection).astype(np.float32), share)


def moments(
    features: Float[np.ndarray, "n features"], learnt: Bool[np.ndarray, " n"]
) -> tuple[Float64[np.ndarray, " features"], Float64[np.ndarray, "features features"]]:
    """Compute the mean and the covariance of some rows, block by block, in the order of the rows."""
    count, width = int(learnt.sum()), features.shape[1]
    parts = blocks(len(features), BLOCK_ROWS)
    total = np.zeros(width)
    for rows in parts:
        total += features[rows][learnt[rows]].sum(axis=0, dtype=np.float64)
    mean = total / count
    covariance = np.zeros((width, width))
    centre = mean.astype(features.dtype)

    def products(rows: slice) -> np.ndarray:
        centred = features[rows][learnt[rows]] - centre
        return centred.T @ centred

    # As many products at a time as threads, because each is as large as the covariance.
    for pair in blocks(len(parts), 2):
        for product in side_by_side(products, parts[pair], threads=2):
            covariance += product
    return mean, covariance / count
