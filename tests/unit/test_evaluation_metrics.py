import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from herodex.evaluation.metrics import accuracy
from herodex.statistics import auroc


def test_accuracy_counts_what_is_right():
    assert accuracy(np.array(["a", "b", "b", "c"]), np.array(["a", "b", "c", "c"]))["value"] == 0.75


def test_auc_of_a_perfect_and_of_a_reversed_score():
    positive = np.array([True] * 10 + [False] * 10)
    score = np.linspace(1, 0, 20)
    assert auroc(positive, score, 1)["value"] == 1
    assert auroc(positive, -score, 1)["value"] == 0


def test_auc_is_that_of_scikit_learn_ties_included():
    rng = np.random.default_rng(0)
    positive, score = rng.random(200) < 0.3, rng.random(200).round(1)
    assert auroc(positive, score, 1)["value"] == pytest.approx(roc_auc_score(positive, score), abs=1e-4)


def test_the_bootstrap_depends_on_its_seed_alone():
    rng = np.random.default_rng(0)
    positive, score = rng.random(80) < 0.5, rng.random(80)
    assert auroc(positive, score, 3) == auroc(positive, score, 3)
    assert auroc(positive, score, 3) != auroc(positive, score, 4)
    assert (
        auroc(positive, score, 3)["low"]
        < auroc(positive, score, 3)["value"]
        < auroc(positive, score, 3)["high"]
    )
