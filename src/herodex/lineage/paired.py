"""Is one model better than another on the same test part, by more than chance? Paired tests."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest, permutation_test

from herodex.lineage.counts import Row
from herodex.statistics import RESAMPLES, bootstrap_mean

LEVEL = 0.05
"""Probability below which a difference is not put down to chance; both tests are two-sided."""


class Comparison(NamedTuple):
    """How a challenger does against the champion on what both were tested on.

    Attributes:
        gain: by how much it is better; below 0, by how much it is worse.
        low, high: the 95 % interval of `gain`, by a bootstrap over the test part.
        p: the probability of a difference as large where there is none.
        n: how many images or names both were tested on.
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
        """Whether the challenger is better by more than chance."""
        return self.gain > 0 and self.p < LEVEL


def compare_labels(champion: list[Row], challenger: list[Row], seed: int) -> Comparison | None:
    """McNemar's exact test (McNemar 1947) on the images that both classified; None where there are none.

    Args:
        champion: rows with `sha256`, `label` and `predicted`.
        challenger: such rows of the other model; an image counts where both give it the same label.
        seed: of the bootstrap.
    """
    theirs = {(row["sha256"], row["label"]): row["predicted"] == row["label"] for row in champion}
    ours = {(row["sha256"], row["label"]): row["predicted"] == row["label"] for row in challenger}
    both = sorted(theirs.keys() & ours.keys())
    if not both:
        return None
    before, after = (np.array([right[key] for key in both], float) for right in (theirs, ours))
    won, lost = int((after > before).sum()), int((after < before).sum())
    p = binomtest(won, won + lost).pvalue if won + lost else 1.0
    gain = bootstrap_mean(after - before, seed)
    return Comparison(
        f"McNemar's exact test: {won} right that were wrong, {lost} wrong that were right",
        "accuracy",
        float(before.mean()),
        float(after.mean()),
        gain["value"],
        gain["low"],
        gain["high"],
        float(p),
        len(both),
    )


def compare_nats(champion: list[Row], challenger: list[Row], seed: int) -> Comparison | None:
    """A paired permutation test on what names cost both models; None where they share none.

    Args:
        champion: rows with `text` and `nats`, of the whole name.
        challenger: such rows of the other model.
        seed: of the permutations and the bootstrap.
    """
    theirs, ours = ({row["text"]: float(row["nats"]) for row in rows} for rows in (champion, challenger))
    both = sorted(theirs.keys() & ours.keys())
    if not both:
        return None
    before, after = (np.array([nats[text] for text in both]) for nats in (theirs, ours))

    def mean_gain(first: np.ndarray, second: np.ndarray, axis: int) -> Any:
        return (first - second).mean(axis=axis)

    tested = permutation_test(
        (before, after),
        mean_gain,
        permutation_type="samples",
        n_resamples=RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    gain = bootstrap_mean(before - after, seed)
    return Comparison(
        f"paired permutation test, {RESAMPLES} permutations",
        "nats a name, of which fewer are better",
        float(before.mean()),
        float(after.mean()),
        gain["value"],
        gain["low"],
        gain["high"],
        float(tested.pvalue),
        len(both),
    )
