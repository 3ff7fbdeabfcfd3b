"""Figures that come with a count and a 95 % interval."""

from typing import TypedDict

import numpy as np
from scipy.stats import binomtest, rankdata

RESAMPLES = 9999
AUROC_RESAMPLES = 1000


class Estimate(TypedDict):
    """A figure, the bounds of its 95 % interval, and the number of things behind it."""

    value: float
    low: float
    high: float
    n: int


def measured(value: float, low: float, high: float, n: int) -> Estimate:
    """Put a figure together, rounded to 6 digits, which leaves out what differs between machines."""
    return {
        "value": round(float(value), 6),
        "low": round(float(low), 6),
        "high": round(float(high), 6),
        "n": n,
    }


def share(hits: int, n: int) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927), which holds for small counts and near 0 and 1."""
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return measured(hits / n, interval.low, interval.high, n)


def bootstrap_mean(differences: np.ndarray, seed: int) -> Estimate:
    """The mean of differences [n] with the 95 % percentile interval of a bootstrap."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(differences), size=(RESAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return measured(differences.mean(), low, high, len(differences))


def auroc(positive: np.ndarray, score: np.ndarray, seed: int) -> Estimate:
    """The area under the ROC curve, with a percentile interval of a bootstrap over images.

    Args:
        positive: bool [n], with both values in it.
        score: float [n], higher for what is taken as positive.
        seed: of the bootstrap.
    """
    chosen = np.random.default_rng(seed).integers(len(positive), size=(AUROC_RESAMPLES, len(positive)))
    chosen = chosen[positive[chosen].any(axis=1) & ~positive[chosen].all(axis=1)]
    low, high = np.quantile(_area(positive[chosen], score[chosen]), [0.025, 0.975])
    return measured(float(_area(positive[None], score[None])[0]), low, high, len(positive))


def _area(positive: np.ndarray, score: np.ndarray) -> np.ndarray:
    # The Mann-Whitney statistic, a row at a time: what scikit-learn gives, but a thousand times at once.
    ones = positive.sum(axis=1)
    ranks = np.where(positive, rankdata(score, axis=1), 0).sum(axis=1)
    return (ranks - ones * (ones + 1) / 2) / (ones * (positive.shape[1] - ones))
