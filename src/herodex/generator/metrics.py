"""Figures of a generator, each with its count and a 95 % interval."""

import math

import numpy as np

from herodex.measured import Measured, measured

RESAMPLES = 2000


def per_character(nats: np.ndarray, characters: np.ndarray, seed: int) -> Measured:
    """Nats a character, with a percentile interval of a bootstrap over names (Efron 1979).

    Args:
        nats: what each name costs, float [n]; also a difference of costs, for a paired comparison.
        characters: characters of each name, the stop included, int [n].
        seed: of the bootstrap.
    """
    chosen = np.random.default_rng(seed).integers(len(nats), size=(RESAMPLES, len(nats)))
    resampled = nats[chosen].sum(axis=1) / characters[chosen].sum(axis=1)
    low, high = np.quantile(resampled, [0.025, 0.975])
    return measured(nats.sum() / characters.sum(), low, high, len(nats))


def mean(values: np.ndarray, seed: int) -> Measured:
    """The mean of values [n], with a percentile interval of a bootstrap."""
    return per_character(values, np.ones(len(values)), seed)


def perplexity(nats: Measured) -> Measured:
    """The number of equally likely characters that would be as hard to guess: exp of nats a character."""
    return measured(math.exp(nats["value"]), math.exp(nats["low"]), math.exp(nats["high"]), nats["n"])
