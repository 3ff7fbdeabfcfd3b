"""Paired tests of two models on the same held-out data."""

from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Float

from herodex.lineage.counts import Row
from herodex.statistics import RESAMPLES, bootstrap_mean

LEVEL = 0.05
"""Significance level; both tests are two-sided."""
BATCH = 256
"""Permutations computed at once; bounds the memory."""

stats: Any = scipy.stats


class Comparison(NamedTuple):
    """How a challenger compares with the champion on the items that both held out.

    Attributes:
        gain: mean improvement; negative if the challenger is worse.
        low, high: 95 % bootstrap interval of `gain`.
        p: p-value of the paired test.
        n: number of images or names.
    """

    test: str
    unit: str
    champion: float
    challenger: float
    gain: float
    low: float
    high: float
    p: float
    n: int

    @property
    def better(self) -> bool:
        """Whether the challenger is significantly better."""
        return self.gain > 0 and self.p < LEVEL


def compare_labels(champion: list[Row], challenger: list[Row], seed: int) -> Comparison | None:
    """Compare two classifiers by McNemar's exact test (McNemar 1947).

    Args:
        champion: rows with `sha256`, `label` and the out-of-fold answer, `predicted`.
        challenger: such rows of the other model; an image counts if both have it with the same label.
        seed: of the bootstrap.

    Returns:
        The comparison, or None if the models share no images.
    """
    before, after = (
        {(row["sha256"], row["label"]): float(row["predicted"] == row["label"]) for row in rows}
        for rows in (champion, challenger)
    )
    first, second = paired_values(before, after)
    if not len(first):
        return None
    won, lost = int((second > first).sum()), int((second < first).sum())
    p = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    test = f"McNemar's exact test: {won} corrected, {lost} newly wrong"
    return _comparison(test, "accuracy", first, second, second - first, p, seed)


def compare_nats(champion: list[Row], challenger: list[Row], seed: int) -> Comparison | None:
    """Compare two generators by a paired permutation test of the cross-entropy of names.

    Args:
        champion: rows with `text` and `nats`, the cross-entropy of the whole name when its fold is held out.
        challenger: such rows of the other model.
        seed: of the permutations and the bootstrap.

    Returns:
        The comparison, or None if the models share no names.
    """
    before, after = ({row["text"]: float(row["nats"]) for row in rows} for rows in (champion, challenger))
    first, second = paired_values(before, after)
    if not len(first):
        return None
    # With one sample, the test flips the signs of the differences.
    tested = stats.permutation_test(
        (first - second,),
        np.mean,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        batch=BATCH,
        rng=np.random.default_rng(seed),
    )
    test = f"paired permutation test, {RESAMPLES} permutations"
    unit = "nats per name (lower is better)"
    return _comparison(test, unit, first, second, first - second, tested.pvalue, seed)


def paired_values(
    before: dict[Any, float], after: dict[Any, float]
) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Align the values of two models by the keys that both have."""
    both = sorted(before.keys() & after.keys())
    return np.array([before[key] for key in both], float), np.array([after[key] for key in both], float)


def _comparison(
    test: str,
    unit: str,
    champion: Float[np.ndarray, " n"],
    challenger: Float[np.ndarray, " n"],
    gains: Float[np.ndarray, " n"],
    p: float,
    seed: int,
) -> Comparison:
    gain = bootstrap_mean(gains, seed)
    means = float(champion.mean()), float(challenger.mean())
    return Comparison(test, unit, *means, gain["value"], gain["low"], gain["high"], float(p), gain["n"])
