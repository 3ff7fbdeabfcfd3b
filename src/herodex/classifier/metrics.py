"""Figures of a classifier, each with its count and a 95 % interval."""

from typing import TypedDict

import numpy as np
from scipy.stats import rankdata

Z95 = 1.959964
RESAMPLES = 1000


class Figure(TypedDict):
    """A figure with its 95 % interval and the number of pictures behind it."""

    value: float
    low: float
    high: float
    n: int


def proportion(hits: int, n: int) -> Figure:
    """A share with Wilson's score interval (Wilson 1927), which holds for small counts and near 0 and 1."""
    share = hits / n
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return _figure(share, max(0.0, centre - half), min(1.0, centre + half), n)


def accuracy(actual: np.ndarray, predicted: np.ndarray) -> Figure:
    """The share of labels [n] that are predicted right."""
    return proportion(int((actual == predicted).sum()), len(actual))


def auc(positive: np.ndarray, score: np.ndarray, seed: int) -> Figure:
    """The area under the ROC curve, with a percentile interval of a bootstrap over pictures.

    Args:
        positive: bool [n], with both values in it.
        score: float [n], higher for what is taken as positive.
        seed: of the bootstrap.
    """
    chosen = np.random.default_rng(seed).integers(len(positive), size=(RESAMPLES, len(positive)))
    chosen = chosen[positive[chosen].any(axis=1) & ~positive[chosen].all(axis=1)]
    low, high = np.quantile(_area(positive[chosen], score[chosen]), [0.025, 0.975])
    return _figure(float(_area(positive[None], score[None])[0]), low, high, len(positive))


def _area(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    # The Mann-Whitney statistic, a row at a time: what scikit-learn gives, but a thousand times at once.
    ones = positive.sum(axis=1)
    ranks = np.where(positive, rankdata(score, axis=1), 0).sum(axis=1)
    return (ranks - ones * (ones + 1) / 2) / (ones * (positive.shape[1] - ones))


def _figure(value: float, low: float, high: float, n: int) -> Figure:
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": n}
