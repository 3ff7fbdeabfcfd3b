"""Figures of a generator, each with its count and a 95 % interval."""

import math
from typing import TypedDict

import numpy as np
from scipy.stats import binomtest

RESAMPLES = 2000


class Figure(TypedDict):
    """A figure with its 95 % interval and the number of names behind it."""

    value: float
    low: float
    high: float
    n: int


def per_character(nats: np.ndarray, characters: np.ndarray, seed: int) -> Figure:
    """Nats a character, with a percentile interval of a bootstrap over names (Efron 1979).

    Args:
        nats: what each name costs, float [n]; also a difference of costs, for a paired comparison.
        characters: characters of each name, the stop included, int [n].
        seed: of the bootstrap.
    """
    chosen = np.random.default_rng(seed).integers(len(nats), size=(RESAMPLES, len(nats)))
    resampled = nats[chosen].sum(axis=1) / characters[chosen].sum(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return _figure(nats.sum() / characters.sum(), low, high, len(nats))


def perplexity(nats: Figure) -> Figure:
    """The number of equally likely characters that would be as hard to guess: exp of nats a character."""
    return _figure(math.exp(nats["value"]), math.exp(nats["low"]), math.exp(nats["high"]), nats["n"])


def share(hits: int, n: int) -> Figure:
    """A share with Wilson's score interval (Wilson 1927), which holds for small counts and near 0 and 1."""
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return _figure(hits / n, interval.low, interval.high, n)


def _figure(value: float, low: float, high: float, n: int) -> Figure:
    return {
        "value": round(float(value), 6),
        "low": round(float(low), 6),
        "high": round(float(high), 6),
        "n": n,
    }
