"""Figures of a generator, each with its count and a 95 % interval."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from herodex.statistics import Estimate, measured

RESAMPLES = 2000


def count_characters(texts: Sequence[str]) -> np.ndarray:
    """How many characters each text has, its stop included, int [n]."""
    return np.array([len(text) + 1 for text in texts])


def measure_folds(held_out: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Compute what names cost that were held out in turn.

    Args:
        held_out: `fold`, `text` and `nats`, from `train_generator`.
        seed: of the bootstraps.

    Returns:
        `nats` a character over all of them, and `by_fold`.
    """

    def figure(rows: pd.DataFrame) -> Estimate:
        return per_character(rows["nats"].to_numpy(), count_characters(rows["text"].tolist()), seed)

    by_fold = {str(name): figure(rows) for name, rows in held_out.groupby("fold", sort=False)}
    return {"nats": figure(held_out), "by_fold": by_fold}


def per_character(nats: np.ndarray, characters: np.ndarray, seed: int) -> Estimate:
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


def mean(values: np.ndarray, seed: int) -> Estimate:
    """The mean of values [n], with a percentile interval of a bootstrap."""
    return per_character(values, np.ones(len(values)), seed)


def perplexity(nats: Estimate) -> Estimate:
    """The number of equally likely characters that would be as hard to guess: exp of nats a character."""
    return measured(math.exp(nats["value"]), math.exp(nats["low"]), math.exp(nats["high"]), nats["n"])
