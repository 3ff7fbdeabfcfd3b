"""Figures that come with a count and a 95 % interval."""

from typing import TypedDict

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 9999


class Measured(TypedDict):
    """A figure, the bounds of its 95 % interval, and the number of things behind it."""

    value: float
    low: float
    high: float
    n: int


def measured(value: float, low: float, high: float, n: int) -> Measured:
    """Put a figure together, rounded to 6 digits, which leaves out what differs between machines."""
    return {
        "value": round(float(value), 6),
        "low": round(float(low), 6),
        "high": round(float(high), 6),
        "n": n,
    }


def share(hits: int, n: int) -> Measured:
    """A share with Wilson's score interval (Wilson 1927), which holds for small counts and near 0 and 1."""
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return measured(hits / n, interval.low, interval.high, n)


def bootstrap_mean(differences: np.ndarray, seed: int) -> Measured:
    """The mean of differences [n] with the 95 % percentile interval of a bootstrap."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(differences), size=(RESAMPLES, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return measured(differences.mean(), low, high, len(differences))
