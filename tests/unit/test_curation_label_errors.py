import numpy as np
import pytest

from herodex.curation.label_errors import LabelQuality, predict_out_of_fold, score_labels

RNG = np.random.default_rng(4)
N = 120
LABELS = np.array(["cat", "dog", "owl"] * (N // 3))
CHANNELS = 300
CENTRES = {label: RNG.normal(0, 1, CHANNELS) for label in ("cat", "dog", "owl")}
FEATURES = (np.stack([CENTRES[label] for label in LABELS]) + RNG.normal(0, 2, (N, CHANNELS))).astype(
    np.float32
)
GROUPS = np.array([f"c{i}" for i in range(N)])
ALL = np.ones(N, bool)


def with_wrong_labels(places: list[int]) -> np.ndarray:
    labels = LABELS.copy()
    labels[places] = "owl"
    return labels


def test_wrong_labels_score_lowest_and_name_the_true_label():
    wrong = [0, 1, 3, 4, 6]
    scores = score_labels(FEATURES, with_wrong_labels(wrong), GROUPS, ALL, folds=5)
    assert set(np.argsort(scores.quality)[:5].tolist()) == set(wrong)
    assert list(scores.looks_like[wrong]) == list(LABELS[wrong])


def test_scores_do_not_depend_on_the_order_of_rows():
    order = RNG.permutation(N)
    one = score_labels(FEATURES, LABELS, GROUPS, ALL, folds=5)
    other = score_labels(FEATURES[order], LABELS[order], GROUPS[order], ALL, folds=5)
    assert one.quality[order] == pytest.approx(other.quality, abs=1e-3)


def test_duplicates_are_scored_by_the_same_model():
    """A model fitted to a duplicate with the same wrong label would confirm it."""
    features, labels = np.repeat(FEATURES[:60], 2, axis=0), np.repeat(LABELS[:60], 2)
    labels[:2] = "owl"
    together = score_labels(features, labels, np.repeat(GROUPS[:60], 2), np.ones(120, bool), folds=5)
    assert together.quality[:2].max() < 0.2


def test_rows_that_are_not_fitted_are_scored():
    usable = ALL.copy()
    usable[:30] = False
    scores = score_labels(FEATURES, LABELS, GROUPS, usable, folds=5)
    assert not np.isnan(scores.quality).any()


def test_row_without_a_label_has_a_prediction_but_no_quality():
    labels = LABELS.copy().astype(object)
    labels[0] = ""
    scores = score_labels(FEATURES, labels.astype(str), GROUPS, ALL, folds=5)
    assert np.isnan(scores.quality[0])
    assert scores.looks_like[0] == "cat"


@pytest.mark.parametrize("labels", [["cat"] * 4, ["", "", "", ""], ["cat", "dog", "", ""]])
def test_too_few_labels_give_no_label_errors(labels):
    scores = score_labels(FEATURES[:4], np.array(labels), GROUPS[:4], np.ones(4, bool), folds=2)
    assert isinstance(scores, LabelQuality)
    assert not (scores.quality < 0.1).any()


def test_probabilities_sum_to_one():
    classes, probabilities = predict_out_of_fold(FEATURES, LABELS, GROUPS, ALL, folds=5)
    assert list(classes) == ["cat", "dog", "owl"]
    assert probabilities.sum(axis=1) == pytest.approx(1)
