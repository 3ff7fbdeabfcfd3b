import numpy as np
import pytest

from herodex.curation import label_errors
from herodex.curation.label_errors import (
    Labelled,
    LabelQuality,
    find_label_errors,
    label_similarity,
    predict_out_of_fold,
    sample_evenly,
)
from herodex.curation.label_errors import score_labels as score_images
from herodex.dataset.feature_table import read_features, write_features

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


def score_labels(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, usable: np.ndarray, folds: int
) -> LabelQuality:
    return score_images(Labelled(features, labels, groups, usable, folds))


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
    folds = list(predict_out_of_fold(Labelled(FEATURES, LABELS, GROUPS, ALL, folds=5)))
    assert sorted(np.concatenate([rows for rows, _, _ in folds]).tolist()) == list(range(N))
    for _, classes, probabilities in folds:
        assert list(classes) == ["cat", "dog", "owl"]
        assert probabilities.sum(axis=1) == pytest.approx(1)


WELL_APART = (
    np.stack([CENTRES[label] for label in LABELS]) + np.random.default_rng(2).normal(0, 2, (N, CHANNELS))
).astype(np.float32)


def errors_in(features: np.ndarray, labels: np.ndarray, droppable: np.ndarray | None = None):
    n = len(labels)
    everything = np.ones(n, bool)
    groups = np.array([f"c{i}" for i in range(n)])
    images = Labelled(features, labels, groups, everything, folds=5)
    return find_label_errors(images, everything if droppable is None else droppable, 0.7)[1]


def test_wrong_labels_are_dropped_where_the_other_images_gain():
    wrong = [0, 1, 3, 4, 6]
    found = errors_in(WELL_APART, with_wrong_labels(wrong))
    assert np.flatnonzero(found.reason != "").tolist() == wrong
    assert set(found.reason[wrong]) == {"label_error"}
    assert found.off == {}


def test_image_that_must_not_be_dropped_is_not():
    droppable = ALL.copy()
    droppable[0] = False
    found = errors_in(WELL_APART, with_wrong_labels([0, 1, 3, 4, 6]), droppable)
    assert np.flatnonzero(found.reason != "").tolist() == [1, 3, 4, 6]


def hard_images(seed: int, minority: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw images with right labels of two classes that overlap; the second class is small."""
    rng = np.random.default_rng(seed)
    labels = np.array(["cat"] * 120 + ["dog"] * minority)
    centres = np.where(labels == "cat", 0.0, 1.0)[:, None] * rng.normal(0, 0.35, CHANNELS)
    return (centres + rng.normal(0, 1, (len(labels), CHANNELS))).astype(np.float32), labels


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("minority", [11, 30])
def test_hard_images_of_a_small_class_are_kept(seed, minority):
    features, labels = hard_images(seed, minority)
    found = errors_in(features, labels)
    assert (found.reason[labels == "dog"] != "").sum() <= 0.1 * minority


def test_label_with_more_suspects_than_the_limit_keeps_them_and_says_why(monkeypatch):
    monkeypatch.setattr(label_errors, "MAX_DROPPED", 0.05)
    found = errors_in(WELL_APART, with_wrong_labels([0, 1, 3, 4, 6]))
    assert not (found.reason != "").any()
    assert "more than the limit" in found.off["owl"]


def test_image_unlike_every_label_is_an_outlier():
    features = FEATURES.copy()
    features[::3] += 3
    features[1::3] += 3
    features[2::3] += 3
    noise = np.random.default_rng(1).normal(0, 4, CHANNELS)
    features[0] = noise
    deviations = label_similarity(Labelled(features, LABELS, GROUPS, ALL, folds=5))
    assert deviations.argmin() == 0
    assert deviations[0] < -3


def test_duplicates_are_no_evidence_that_an_image_resembles_its_label():
    features = FEATURES.copy()
    features[[0, 3, 6, 9, 12, 15]] = np.random.default_rng(1).normal(0, 4, CHANNELS)
    groups = GROUPS.copy()
    groups[[0, 3, 6, 9, 12, 15]] = "c0"
    assert label_similarity(Labelled(features + 3, LABELS, groups, ALL, folds=5))[0] < -3


def test_dropped_labels_do_not_depend_on_the_order_of_rows():
    labels, order = with_wrong_labels([0, 1, 3, 4, 6]), RNG.permutation(N)
    one = find_label_errors(Labelled(FEATURES, labels, GROUPS, ALL, 5), ALL, 0.7)[1]
    shuffled = Labelled(FEATURES[order], labels[order], GROUPS[order], ALL, 5)
    other = find_label_errors(shuffled, ALL, 0.7)[1]
    assert list(one.reason[order]) == list(other.reason)


def test_image_is_compared_with_the_few_images_of_other_groups_or_with_none():
    """Most images of the label are one group; the others must not decide how alike they have to be."""
    features = FEATURES[LABELS == "cat"]
    labels, groups = np.full(len(features), "cat"), np.full(len(features), "video")
    groups[:3] = ["a", "b", "c"]
    everything = np.ones(len(features), bool)
    assert np.abs(label_similarity(Labelled(features, labels, groups, everything, 5))).max() < 6
    groups[:] = "video"
    assert (label_similarity(Labelled(features, labels, groups, everything, 5)) == 0).all()


def test_sample_has_one_limit_for_every_label():
    labels = np.array(["cat"] * 50 + ["dog"] * 8 + ["owl"] * 62)
    rows = np.arange(N)[10:]
    sampled = sample_evenly(rows, labels, GROUPS, most=60)
    assert set(sampled.tolist()) <= set(rows.tolist())
    assert sampled.tolist() == sorted(set(sampled.tolist()))
    assert np.unique(labels[sampled], return_counts=True)[1].tolist() == [26, 8, 26]
    assert sample_evenly(rows, labels, GROUPS, most=110).tolist() == rows.tolist()


def test_wrong_labels_are_found_by_models_of_a_sample_too(monkeypatch):
    monkeypatch.setattr(label_errors, "FITTED_MAX", 60)
    monkeypatch.setattr(label_errors, "COMPARED_MAX", 20)
    monkeypatch.setattr(label_errors, "PREDICTED_AT_ONCE", 7)
    wrong = [0, 1, 3, 4, 6]
    scores = score_labels(FEATURES, with_wrong_labels(wrong), GROUPS, ALL, folds=5)
    assert not np.isnan(scores.quality).any()
    assert set(np.argsort(scores.quality)[:5].tolist()) == set(wrong)
    assert np.flatnonzero(errors_in(WELL_APART, with_wrong_labels(wrong)).reason != "").tolist() == wrong


def test_compared_pairs_grow_no_faster_than_the_images(monkeypatch):
    monkeypatch.setattr(label_errors, "COMPARED_MAX", 10)
    compared: list[int] = []
    monkeypatch.setattr(label_errors, "unit_vectors", lambda rows: compared.append(len(rows)) or rows)
    for n in (60, 120):
        compared.clear()
        label_similarity(Labelled(FEATURES[:n], LABELS[:n], GROUPS[:n], ALL[:n], folds=5))
        others, rows = compared[::2], compared[1::2]
        assert sum(a * b for a, b in zip(others, rows, strict=True)) == 10 * n


def test_stored_features_give_the_label_errors_of_features_in_memory(tmp_path):
    hashes = [f"{number:064}" for number in range(N)]
    write_features(tmp_path / "features.npy", hashes, {"features": WELL_APART})
    stored = read_features(tmp_path / "features.npy").vectors(hashes)
    labels = with_wrong_labels([0, 1, 3, 4, 6])
    one, other = (
        find_label_errors(Labelled(vectors, labels, GROUPS, ALL, 5), ALL, 0.7)
        for vectors in (WELL_APART, stored)
    )
    assert (one[0].quality == other[0].quality).all()
    assert list(one[1].reason) == list(other[1].reason)


def test_models_of_principal_components_find_the_same_wrong_labels(monkeypatch):
    everything = score_labels(WELL_APART, with_wrong_labels([0, 1, 3, 4, 6]), GROUPS, ALL, folds=5)
    monkeypatch.setattr(label_errors, "MANY_LOGITS", 0)
    monkeypatch.setattr(label_errors, "COMPONENTS", 40)
    reduced = score_labels(WELL_APART, with_wrong_labels([0, 1, 3, 4, 6]), GROUPS, ALL, folds=5)
    assert (everything.quality != reduced.quality).all()
    assert set(np.argsort(reduced.quality)[:5].tolist()) == {0, 1, 3, 4, 6}
    assert np.corrcoef(everything.quality, reduced.quality)[0, 1] > 0.9
    found = errors_in(WELL_APART, with_wrong_labels([0, 1, 3, 4, 6]))
    assert np.flatnonzero(found.reason != "").tolist() == [0, 1, 3, 4, 6]


def test_models_have_all_features_for_few_images_and_labels():
    images = Labelled(FEATURES, LABELS, GROUPS, ALL, folds=5)
    model = label_errors._fit(images, ALL)
    assert model[-1].coef_.shape == (3, CHANNELS)
