from statistics import NormalDist

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from herodex.classifier.metrics import Z95, accuracy, auc, proportion


def test_the_interval_is_the_95_percent_one():
    assert pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-5) == Z95


def test_wilsons_interval_matches_the_published_example():
    # Newcombe (1998), table I: 81 of 263.
    figure = proportion(81, 263)
    assert (figure["low"], figure["high"], figure["n"]) == (0.2553, 0.3662, 263)


@pytest.mark.parametrize("hits", [0, 7])
def test_the_interval_stays_a_share_at_the_ends(hits):
    figure = proportion(hits, 7)
    assert 0 <= figure["low"] < figure["high"] <= 1


def test_accuracy_counts_what_is_right():
    assert accuracy(np.array(["a", "b", "b", "c"]), np.array(["a", "b", "c", "c"]))["value"] == 0.75


def test_auc_of_a_perfect_and_of_a_reversed_score():
    positive = np.array([True] * 10 + [False] * 10)
    score = np.linspace(1, 0, 20)
    assert auc(positive, score, 1)["value"] == 1
    assert auc(positive, -score, 1)["value"] == 0


def test_auc_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    positive, score = rng.random(200) < 0.3, rng.random(200).round(1)
    assert auc(positive, score, 1)["value"] == pytest.approx(roc_auc_score(positive, score), abs=1e-4)


def test_the_bootstrap_depends_on_its_seed_alone():
    rng = np.random.default_rng(0)
    positive, score = rng.random(80) < 0.5, rng.random(80)
    assert auc(positive, score, 3) == auc(positive, score, 3)
    assert auc(positive, score, 3) != auc(positive, score, 4)
    assert auc(positive, score, 3)["low"] < auc(positive, score, 3)["value"] < auc(positive, score, 3)["high"]
