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
    shrinkage=0.1,
    neighbours=3,
    false_accept_rate=0.1,
)
FIT = partial(fit_heads, l2=[0.01])


def blobs(seed: int, n: int = 100, labels: int = 5) -> Examples:
    centres = np.random.default_rng(9).normal(size=(labels, 40))
    own = np.arange(n) % labels
    noise = np.random.default_rng(seed).normal(size=(n, 40))
    return Examples((centres[own] + 0.5 * noise).astype(np.float32), own)


def test_left_out_labels_are_distractors_or_else_classes():
    assert list(left_out_labels(2, 5)) == [2, 3, 4]
    assert list(left_out_labels(3, 3)) == [0, 1, 2]
    assert list(left_out_labels(2, 2)) == []


def test_the_detector_separates_left_out_images_from_the_classes():
    found = list(leave_one_query_out(blobs(1), blobs(2), 3, 5, FIT, SETTINGS))
    assert [label for label, _, _ in found] == [3, 4]
    figures, is_ood = (np.concatenate([part[i] for part in found]) for i in (1, 2))
    detector = fit_ood_detector(figures, is_ood, 0.1)
    accepted = detector.score(figures) >= detector.threshold
    assert accepted[is_ood].mean() == pytest.approx(0.1, abs=0.03)
    assert accepted[~is_ood].mean() > 0.9


def test_without_out_of_distribution_images_nearly_all_are_accepted():
    found = list(leave_one_query_out(blobs(1, labels=2), blobs(2, labels=2), 2, 2, FIT, SETTINGS))
    ((_, figures, is_ood),) = found
    detector = fit_ood_detector(figures, is_ood, 0.1)
    assert (detector.score(figures) >= detector.threshold).mean() == pytest.approx(0.98, abs=0.02)


def test_whitening_reduces_variation_within_classes():
    rng = np.random.default_rng(2)
    labels = np.arange(60) % 2
    features = np.stack([4.0 * labels + rng.normal(size=60), 20 * rng.normal(size=60)], axis=1)
    features = features.astype(np.float32)
    whitening = fit_whitening(Examples(features, labels), 0.05)
    vectors = whitening.embed(features)
    same = labels[:, None] == labels[None]
    cosines = vectors @ vectors.T
    assert np.median(cosines[same]) > 0.5 > np.median(cosines[~same])


def test_a_label_without_images_has_the_least_similarity():
    vectors = np.eye(2, dtype=np.float32)
    gallery = Gallery(vectors, np.array([0, 0]), label_count=2, neighbours=1)
    assert similarities(gallery, vectors).tolist() == [[1, -1], [1, -1]]


def test_whitened_vectors_have_length_1():
    whitening = Whitening(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    assert whitening.embed(np.array([[3, 4]], np.float32))[0] == pytest.approx([0.6, 0.8])


def test_more_evidence_for_a_class_raises_the_figures():
    similarity = np.array([[0.1, 0.2], [0.1, 0.2]])
    weak, strong = ood_features(np.array([[1.0, 1.0], [5.0, 1.0]]), similarity, 1)
    assert (strong[:2] > weak[:2]).all()
    assert weak[2] == strong[2] == pytest.approx(0.1)
