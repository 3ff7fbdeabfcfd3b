"""Cross-entropy and perplexity with 95 % bootstrap intervals.

Cross-entropy is in nats per character; lower is more likely. The stop token at the end of each name counts
as a character.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int, Real

from herodex.statistics import Estimate, estimate

RESAMPLES = 2000
DRAWN_AT_ONCE = 2_000_000
"""Maximum number of indices drawn at once, which bounds the memory for long lists."""


def count_characters(texts: Sequence[str]) -> Int[np.ndarray, " texts"]:
    """Count the characters of each text, including its stop token."""
    return np.array([len(text) + 1 for text in texts])


def cross_validation_metrics(held_out: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Compute the cross-entropy of held-out names, over all folds and by fold.

    Args:
        held_out: `fold`, `text` and `nats` of each name, from `train_generator`.
        seed: Seed of the bootstrap.

    Returns:
        `nats` per character over all folds, and `by_fold`.
    """

    def cross_entropy(rows: pd.DataFrame) -> Estimate:
        return per_character(rows["nats"].to_numpy(), count_characters(rows["text"].tolist()), seed)

    by_fold = {str(name): cross_entropy(rows) for name, rows in held_out.groupby("fold", sort=False)}
    return {"nats": cross_entropy(held_out), "by_fold": by_fold}


def per_character(
    nats: Real[np.ndarray, " names"], characters: Real[np.ndarray, " names"], seed: int
) -> Estimate:
    """Return nats per character with a percentile bootstrap interval over names (Efron 1979).

    Args:
        nats: Nats of each name, or their difference between two models for a paired comparison.
        characters: Characters of each name, including the stop token.
        seed: Seed of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    at_once = max(1, DRAWN_AT_ONCE // len(nats))
    resampled: list[Float64[np.ndarray, " resamples"]] = []
    for first in range(0, RESAMPLES, at_once):
        chosen = rng.integers(len(nats), size=(min(at_once, RESAMPLES - first), len(nats)))
        resampled.append(nats[chosen].sum(axis=1) / characters[chosen].sum(axis=1))
    low, high = np.quantile(np.concatenate(resampled), [0.025, 0.975])
    return estimate(nats.sum() / characters.sum(), low, high, len(nats))


def mean(values: Real[np.ndarray, " names"], seed: int) -> Estimate:
    """Return the mean of the values with a percentile bootstrap interval."""
    return per_character(values, np.ones(len(values)), seed)


def perplexity(nats: Estimate) -> Estimate:
    """Return the perplexity per character, exp(cross-entropy), with its interval."""
    return estimate(math.exp(nats["value"]), math.exp(nats["low"]), math.exp(nats["high"]), nats["n"])
