import numpy as np
import pytest

from herodex.curation.label_errors import LabelQuality, judge, out_of_fold

RNG = np.random.default_rng(4)
N = 120
LABELS = np.array(["cat", "dog", "owl"] * (N // 3))
CHANNELS = 300
CENTRES = {label: RNG.normal(0, 1, CHANNELS) for label in ("cat", "dog", "owl")}
FEATURES = (np.stack([CENTRES[label] for label in LABELS]) + RNG.normal(0, 2, (N, CHANNELS))).astype(
    np.float32
)
CLUSTERS = np.array([f"c{i}" for i in range(N)])
ALL = np.ones(N, bool)


def with_wrong_labels(places: list[int]) -> np.ndarray:
    labels = LABELS.copy()
    labels[places] = "owl"
    return labels


def test_wrong_labels_score_lowest_and_what_they_look_like_is_told():
    wrong = [0, 1, 3, 4, 6]
    doubts = judge(FEATURES, with_wrong_labels(wrong), CLUSTERS, ALL, folds=5)
    assert set(np.argsort(doubts.quality)[:5].tolist()) == set(wrong)
    assert list(doubts.looks_like[wrong]) == list(LABELS[wrong])


def test_the_scores_are_the_same_whatever_the_order_of_rows():
    order = RNG.permutation(N)
    one = judge(FEATURES, LABELS, CLUSTERS, ALL, folds=5)
    other = judge(FEATURES[order], LABELS[order], CLUSTERS[order], ALL, folds=5)
    assert one.quality[order] == pytest.approx(other.quality, abs=1e-3)


def test_no_image_is_judged_by_a_model_that_has_seen_a_copy_of_it():
    """A lone wrong label is believed by whoever has seen its copies, and by nobody else."""
    features, labels = np.repeat(FEATURES[:60], 2, axis=0), np.repeat(LABELS[:60], 2)
    labels[:2] = "owl"
    together = judge(features, labels, np.repeat(CLUSTERS[:60], 2), np.ones(120, bool), folds=5)
    assert together.quality[:2].max() < 0.2


def test_rows_that_nothing_is_learnt_from_are_judged_all_the_same():
    known = ALL.copy()
    known[:30] = False
    doubts = judge(FEATURES, LABELS, CLUSTERS, known, folds=5)
    assert not np.isnan(doubts.quality).any()


def test_a_row_without_a_label_has_no_quality_but_looks_like_something():
    labels = LABELS.copy().astype(object)
    labels[0] = ""
    doubts = judge(FEATURES, labels.astype(str), CLUSTERS, ALL, folds=5)
    assert np.isnan(doubts.quality[0])
    assert doubts.looks_like[0] == "cat"


@pytest.mark.parametrize("labels", [["cat"] * 4, ["", "", "", ""], ["cat", "dog", "", ""]])
def test_too_few_labels_raise_no_doubt(labels):
    doubts = judge(FEATURES[:4], np.array(labels), CLUSTERS[:4], np.ones(4, bool), folds=2)
    assert isinstance(doubts, LabelQuality)
    assert not (doubts.quality < 0.1).any()


def test_probabilities_sum_to_one():
    classes, probabilities = out_of_fold(FEATURES, LABELS, CLUSTERS, ALL, folds=5)
    assert list(classes) == ["cat", "dog", "owl"]
    assert probabilities.sum(axis=1) == pytest.approx(1)
