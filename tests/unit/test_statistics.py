import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.stats import DegenerateDataWarning, bootstrap, rankdata
from sklearn.metrics import roc_auc_score

from herodex.statistics import (
    AUROC_RESAMPLES,
    auroc,
    bootstrap_mean,
    estimate,
    grouped_mean,
    grouped_proportion,
    mean_proportion,
    proportion,
)

EACH = np.arange(1000)
"""Groups of one observation each."""


def test_wilson_interval_matches_a_published_example():
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I: 81 of 263.
    found = proportion(81, 263)
    assert (round(found["low"], 4), round(found["high"], 4), found["n"]) == (0.2553, 0.3662, 263)


@pytest.mark.parametrize("hits", [0, 7])
def test_interval_of_a_proportion_stays_between_0_and_1(hits):
    found = proportion(hits, 7)
    assert 0 <= found["low"] < found["high"] <= 1


def test_interval_of_a_mean_proportion_covers_the_mean_as_often_as_stated():
    rng, shares, sizes, covered = np.random.default_rng(0), (0.97, 0.8, 0.6), (100, 20, 5), 0
    for _ in range(400):
        found = mean_proportion(
            [proportion(int(rng.binomial(n, p)), n) for p, n in zip(shares, sizes, strict=True)]
        )
        covered += found["low"] <= np.mean(shares) <= found["high"]
    assert 0.92 <= covered / 400 <= 0.98


def test_mean_of_perfect_proportions_has_an_interval_with_a_width():
    found = mean_proportion([proportion(50, 50), proportion(5, 5)])
    assert (found["value"], found["high"], found["n"]) == (1, 1, 55)
    assert found["low"] < 0.9


def test_bootstrap_of_a_mean_is_near_the_normal_interval():
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = bootstrap_mean(values, 1)
    margin = 1.96 * values.std() / 20
    assert found["low"] == pytest.approx(values.mean() - margin, abs=0.03)
    assert found["high"] == pytest.approx(values.mean() + margin, abs=0.03)


def test_bootstrap_of_one_value_is_that_value():
    assert bootstrap_mean(np.array([3.0]), 1) == {"value": 3.0, "low": 3.0, "high": 3.0, "n": 1}


def test_bootstrap_of_many_rows_stays_within_memory():
    values = np.random.default_rng(0).normal(size=10_000)
    tracemalloc.start()
    bootstrap_mean(values, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6


def test_auroc_of_a_perfect_and_of_a_reversed_score():
    positive = np.array([True] * 10 + [False] * 10)
    score = np.linspace(1, 0, 20)
    assert auroc(positive, score, EACH[: len(score)], 1)["value"] == 1
    assert auroc(positive, -score, EACH[: len(score)], 1)["value"] == 0


def test_auroc_matches_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    positive, score = rng.random(200) < 0.3, rng.random(200).round(1)
    assert auroc(positive, score, EACH[: len(score)], 1)["value"] == pytest.approx(
        roc_auc_score(positive, score), abs=1e-4
    )


def test_auroc_interval_leaves_out_resamples_of_one_kind():
    found = auroc(np.array([True, False, False]), np.array([0.3, 0.1, 0.2]), EACH[:3], 1)
    assert (found["low"], found["value"], found["high"]) == (1, 1, 1)


def test_auroc_interval_depends_on_its_seed_alone():
    rng = np.random.default_rng(0)
    positive, score = rng.random(80) < 0.5, rng.random(80)
    assert auroc(positive, score, EACH[:80], 3) == auroc(positive, score, EACH[:80], 3)
    assert auroc(positive, score, EACH[:80], 3) != auroc(positive, score, EACH[:80], 4)


@pytest.mark.parametrize(("n", "digits"), [(3, 1), (60, 1), (700, 4)])
def test_auroc_of_groups_of_one_has_the_interval_of_a_bootstrap_over_observations(n, digits):
    rng = np.random.default_rng(n)
    positive = np.append([True, False], rng.random(n - 2) < 0.4)
    score = rng.random(n).round(digits)

    def area(positive: np.ndarray, score: np.ndarray, axis: int = -1) -> np.ndarray:
        ones = positive.sum(axis=axis)
        ranks = np.where(positive, rankdata(score, axis=axis), 0).sum(axis=axis)
        pairs = ones * (positive.shape[axis] - ones)
        return np.where(pairs > 0, (ranks - ones * (ones + 1) / 2) / np.maximum(pairs, 1), np.nan)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        draws = bootstrap(
            (positive, score),
            area,
            n_resamples=AUROC_RESAMPLES,
            paired=True,
            vectorized=True,
            method="percentile",
            rng=np.random.default_rng(7),
        ).bootstrap_distribution
    low, high = np.nanquantile(draws, [0.025, 0.975])
    # The names of the groups do not matter.
    for groups in (EACH[:n], rng.permutation(n)):
        found = auroc(positive, score, groups, 7)
        assert found == estimate(float(area(positive, score)), low, high, n)


def test_auroc_of_groups_of_equal_observations_has_the_interval_of_the_groups():
    rng = np.random.default_rng(0)
    positive, score = rng.random(40) < 0.5, rng.random(40)
    alone = auroc(positive, score, EACH[:40], 3)
    repeated = auroc(np.tile(positive, 3), np.tile(score, 3), np.tile(EACH[:40], 3), 3)
    assert repeated == {**alone, "n": 120}
    as_if_apart = auroc(np.tile(positive, 3), np.tile(score, 3), EACH[:120], 3)
    assert as_if_apart["high"] - as_if_apart["low"] < 0.7 * (alone["high"] - alone["low"])


def test_proportion_of_groups_of_one_is_that_of_observations():
    for n in (1, 2, 7, 60):
        for hits in range(n + 1):
            assert grouped_proportion(np.arange(n) < hits, EACH[:n]) == proportion(hits, n)


def test_mean_of_groups_of_one_is_that_of_observations():
    values = np.random.default_rng(0).integers(-1, 2, 90).astype(float)
    assert grouped_mean(values, np.arange(90), 5) == bootstrap_mean(values, 5)
