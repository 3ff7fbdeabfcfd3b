"""Estimates with a count and a 95 % confidence interval."""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.stats import binomtest, bootstrap, norm

RESAMPLES = 9999
AUROC_RESAMPLES = 1000
CONFIDENCE = 0.95
DRAWS_AT_A_TIME = 2**20
"""Values that a bootstrap holds in memory at a time (8 MiB)."""


class Estimate(TypedDict):
    """An estimate, the bounds of its 95 % confidence interval, and the number of observations."""

    value: float
    low: float
    high: float
    n: int


def estimate(value: float, low: float, high: float, n: int) -> Estimate:
    """Put an estimate together, rounded to 6 digits to leave out differences between machines."""
    return {
        "value": round(float(value), 6),
        "low": round(float(low), 6),
        "high": round(float(high), 6),
        "n": n,
    }


def in_words(found: Estimate, digits: int = 3) -> str:
    """Format an estimate: 0.912 [0.884, 0.935], n = 503."""
    value, low, high = (f"{number:.{digits}f}" for number in (found["value"], found["low"], found["high"]))
    return f"{value} [{low}, {high}], n = {found['n']}"


def proportion(hits: int, n: int) -> Estimate:
    """Estimate a proportion with Wilson's score interval, which holds for small counts and near 0 and 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    """
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return estimate(hits / n, interval.low, interval.high, n)


def grouped_proportion(hits: Bool[np.ndarray, " n"], groups: Shaped[np.ndarray, " n"]) -> Estimate:
    """Estimate a proportion with Wilson's interval for observations that are alike within groups.

    The interval is that of Kish's effective number of observations, as if those of a group were all the same
    (L. Kish, "Survey Sampling", 1965). Unlike a bootstrap's, it has a width where all are hits.

    Args:
        hits: the observations.
        groups: of each, for example its duplicate group.
    """
    n, share = len(hits), float(hits.mean())
    sizes = np.unique(groups, return_counts=True)[1]
    effective = n**2 / float((sizes.astype(float) ** 2).sum())
    z2 = float(norm.ppf((1 + CONFIDENCE) / 2)) ** 2
    middle = (share + z2 / (2 * effective)) / (1 + z2 / effective)
    half = (z2 * (share * (1 - share) + z2 / (4 * effective)) / effective) ** 0.5 / (1 + z2 / effective)
    return estimate(share, max(middle - half, 0.0), min(middle + half, 1.0), n)


def mean_proportion(parts: Sequence[Estimate]) -> Estimate:
    """Estimate the mean of independent proportions, such as recalls, from their intervals.

    The bounds are those of MOVER (Zou, Donner 2008, https://doi.org/10.1002/sim.3095): with Wilson's
    intervals of the parts, they have a width where all are hits.
    """
    values = np.array([[part["value"], part["low"], part["high"]] for part in parts])
    mean = float(values[:, 0].mean())
    low, high = np.sqrt(((values[:, 1:] - values[:, :1]) ** 2).sum(axis=0)) / len(parts)
    return estimate(mean, mean - float(low), mean + float(high), sum(part["n"] for part in parts))


def bootstrap_mean(values: Float[np.ndarray, " n"], seed: int) -> Estimate:
    """Estimate a mean with the percentile interval of a bootstrap."""
    mean = float(values.mean())
    if len(values) == 1:
        return estimate(mean, mean, mean, 1)
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=_batch(len(values)),
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return estimate(mean, interval.low, interval.high, len(values))


def grouped_mean(values: Float[np.ndarray, " n"], groups: Shaped[np.ndarray, " n"], seed: int) -> Estimate:
    """Estimate a mean with the percentile interval of a bootstrap over groups of dependent observations.

    Args:
        values: the observations.
        groups: the group of each one, for example its query.
        seed: of the bootstrap.
    """
    _, place = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(place, values), np.bincount(place)
    rng, count = np.random.default_rng(seed), len(sizes)
    draws: list[np.ndarray] = []
    for start in range(0, RESAMPLES, _batch(count)):
        chosen = rng.integers(count, size=(min(_batch(count), RESAMPLES - start), count))
        draws.append(sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1))
    low, high = np.quantile(np.concatenate(draws), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return estimate(float(values.mean()), float(low), float(high), len(values))


def auroc(
    positive: Bool[np.ndarray, " n"],
    score: Float[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    seed: int,
) -> Estimate:
    """Estimate the area under the ROC curve with the percentile interval of a bootstrap over groups.

    Args:
        positive: with both values in it.
        score: higher for what is taken as positive.
        groups: the group of each observation; those of one group are dependent.
        seed: of the bootstrap.
    """
    _, first, place = np.unique(groups, return_index=True, return_inverse=True)
    # The order of the observations, not of the groups' names, so that names do not matter.
    place, count = np.argsort(np.argsort(first))[place], len(first)
    rng, batch = np.random.default_rng(seed), _batch(len(positive))
    draws: list[np.ndarray] = []
    for start in range(0, AUROC_RESAMPLES, batch):
        chosen = rng.integers(count, size=(min(batch, AUROC_RESAMPLES - start), count))
        times = np.stack([np.bincount(row, minlength=count) for row in chosen])
        draws.append(_area_under_roc(positive, score, times[:, place]))
    # A resample may hold one kind of observation alone, and has no area then.
    low, high = np.nanquantile(np.concatenate(draws), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    (value,) = _area_under_roc(positive, score, np.ones((1, len(positive)), int))
    return estimate(value, low, high, len(positive))


def _area_under_roc(
    positive: Bool[np.ndarray, " n"], score: Float[np.ndarray, " n"], times: Int[np.ndarray, "resamples n"]
) -> Float[np.ndarray, " resamples"]:
    """Compute the Mann-Whitney statistic of each resample, in which observations occur so many times."""
    order = np.argsort(score, kind="stable")
    starts = np.unique(score[order], return_index=True)[1]
    higher, lower = (
        np.add.reduceat(times[:, order] * kind[order], starts, axis=1) for kind in (positive, ~positive)
    )
    below = lower.cumsum(axis=1) - lower / 2
    pairs = higher.sum(axis=1) * lower.sum(axis=1)
    return np.where(pairs > 0, (higher * below).sum(axis=1) / np.maximum(pairs, 1), np.nan)


def _batch(n: int) -> int:
    return max(1, DRAWS_AT_A_TIME // n)
