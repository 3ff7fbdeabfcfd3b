"""Paired tests of two models on the same held-out data."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
from jaxtyping import Float, Int

from herodex.curation.duplicate_groups import connected_groups, same_values
from herodex.lineage.counts import Row
from herodex.statistics import RESAMPLES, Estimate, bootstrap_mean, grouped_mean

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
    """Compare two classifiers by McNemar's exact test (McNemar 1947), over groups of images.

    Images of one duplicate group are answered alike, so the signs of their differences change together.

    Args:
        champion: rows with `sha256`, `label`, the out-of-fold answer, `predicted`, and `duplicate_group`,
            which reports of older versions lack.
        challenger: such rows of the other model; an image counts if both have it with the same label.
        seed: of the bootstrap.

    Returns:
        The comparison, or None if the models share no images.
    """
    before, after = (
        {_image(row): float(row["predicted"] == row["label"]) for row in rows}
        for rows in (champion, challenger)
    )
    first, second = paired_values(before, after)
    if not len(first):
        return None
    gains, groups = second - first, joined_groups(sorted(before.keys() & after.keys()), champion, challenger)
    won, lost, count = int((gains > 0).sum()), int((gains < 0).sum()), int(groups.max()) + 1
    over = "" if count == len(groups) else f" over {count} duplicate groups"
    test = f"McNemar's exact test{over}: {won} corrected, {lost} newly wrong"
    p = sign_flip_test(np.bincount(groups, gains).astype(int))
    return _comparison(test, "accuracy", first, second, grouped_mean(gains, groups, seed), p)


def joined_groups(images: Sequence[tuple[str, str]], *reports: list[Row]) -> Int[np.ndarray, " n"]:
    """Number the groups of images; those that share a duplicate group in any of the reports are in one."""
    pairs: list[np.ndarray] = []
    for rows in reports:
        group_of = {_image(row): row.get("duplicate_group", "") for row in rows}
        pairs.append(same_values([group_of[image] for image in images]))
    return connected_groups(np.concatenate(pairs), len(images))


def sign_flip_test(differences: Int[np.ndarray, " groups"]) -> float:
    """Return the exact p-value of a paired permutation test, which flips the signs of differences.

    For differences of -1, 0 and 1 it is McNemar's exact test.
    """
    distribution = np.ones(1)
    for size in np.abs(differences[differences != 0]).tolist():
        # The sum goes up or down by the difference, with equal probabilities.
        none = np.zeros(2 * size)
        distribution = (np.append(distribution, none) + np.append(none, distribution)) / 2
    sums = np.arange(len(distribution)) - len(distribution) // 2
    return min(1.0, float(distribution[np.abs(sums) >= abs(int(differences.sum()))].sum()))


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
    return _comparison(test, unit, first, second, bootstrap_mean(first - second, seed), tested.pvalue)


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
    gain: Estimate,
    p: float,
) -> Comparison:
    means = float(champion.mean()), float(challenger.mean())
    return Comparison(test, unit, *means, gain["value"], gain["low"], gain["high"], float(p), gain["n"])


def _image(row: Row) -> tuple[str, str]:
    return row["sha256"], row["label"]
