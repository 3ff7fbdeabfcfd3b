from functools import partial

import numpy as np
import pytest

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fit_heads
from herodex.classifier.ood_calibration import fit_ood_detector, leave_one_query_out, left_out_labels
from herodex.inference.ood import Gallery, Whitening, ood_features, similarities
from herodex.params import TrainClassifierParams

SETTINGS = TrainClassifierParams(
    l2=[0.01],
    folds=3,
    learning_rate=0.001,
    epochs=2,
    shrinkage=0.1,
    neighbours=3,
    false_accept_rate=0.1,
)
FIT = partial(fit_heads, l2=[0.01])


def blobs(seed: int, n: int = 100, labels: int = 5) -> Examples:
    centres = np.random.default_rng(9).normal(size=(labels, 40))
    shown = np.arange(n) % labels
    noise = np.random.default_rng(seed).normal(size=(n, 40))
    return Examples((centres[shown] + 0.5 * noise).astype(np.float32), shown)


def test_distractors_are_left_out_in_turn_or_else_classes():
    assert list(left_out_labels(2, 5)) == [2, 3, 4]
    assert list(left_out_labels(3, 3)) == [0, 1, 2]
    assert list(left_out_labels(2, 2)) == []


def test_images_of_what_was_left_out_are_told_from_the_classes():
    found = list(leave_one_query_out(blobs(1), blobs(2), 3, 5, FIT, SETTINGS))
    assert [label for label, _, _ in found] == [3, 4]
    figures, strange = (np.concatenate([part[i] for part in found]) for i in (1, 2))
    judge = fit_ood_detector(figures, strange, 0.1)
    passed = judge.score(figures) >= judge.threshold
    assert passed[strange].mean() == pytest.approx(0.1, abs=0.03)
    assert passed[~strange].mean() > 0.9


def test_without_strangers_nearly_all_that_is_familiar_passes():
    found = list(leave_one_query_out(blobs(1, labels=2), blobs(2, labels=2), 2, 2, FIT, SETTINGS))
    ((_, figures, strange),) = found
    judge = fit_ood_detector(figures, strange, 0.1)
    assert (judge.score(figures) >= judge.threshold).mean() == pytest.approx(0.98, abs=0.02)


def test_what_varies_within_classes_counts_less_in_the_space():
    rng = np.random.default_rng(2)
    labels = np.arange(60) % 2
    features = np.stack([4.0 * labels + rng.normal(size=60), 20 * rng.normal(size=60)], axis=1)
    space = fit_whitening(Examples(features.astype(np.float32), labels), 0.05)
    units = space.unit(features)
    same = labels[:, None] == labels[None]
    cosines = units @ units.T
    assert np.median(cosines[same]) > 0.5 > np.median(cosines[~same])


def test_a_label_without_images_is_as_far_as_can_be():
    units = np.eye(2, dtype=np.float32)
    gallery = Gallery(units, np.array([0, 0]), count=2, neighbours=1)
    assert similarities(gallery, units).tolist() == [[1, -1], [1, -1]]
    assert Whitening(np.eye(2), np.zeros(2)).unit(np.array([[3.0, 4.0]])).tolist() == [[0.6, 0.8]]


def test_more_evidence_for_a_class_is_more_familiar():
    close = np.array([[0.1, 0.2], [0.1, 0.2]])
    weak, strong = ood_features(np.array([[1.0, 1.0], [5.0, 1.0]]), close, 1)
    assert (strong[:2] > weak[:2]).all()
    assert weak[2] == strong[2] == pytest.approx(0.1)
