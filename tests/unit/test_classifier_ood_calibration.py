from functools import partial

import numpy as np
import pytest

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fit_heads
from herodex.classifier.model_selection import select
from herodex.classifier.ood_calibration import (
    bound_error,
    fit_detector,
    leave_one_query_out,
    left_out_labels,
    out_of_fold,
)
from herodex.classifier.recipes import list_recipes
from herodex.inference.decision import decision_margin
from herodex.inference.ood import Gallery, Whitening, ood_features, similarities
from herodex.params import ClassifierParams, DecisionParams, load_params

SETTINGS = load_params().classifier
FIT = partial(fit_heads, l2=[0.01])
NAMES = ["ant", "bee", "cat", "dog", "eel"]
RECIPE = list_recipes(SETTINGS.embed)[-1]


def blobs(seed: int = 1, n: int = 200, labels: int = 5, noise: float = 0.5) -> Examples:
    centres = np.random.default_rng(9).normal(size=(labels, 40))
    own = np.arange(n) % labels
    spread = np.random.default_rng(seed).normal(size=(n, 40))
    return Examples((centres[own] + noise * spread).astype(np.float32), own)


def folds(examples: Examples) -> np.ndarray:
    return np.random.default_rng(4).permutation(len(examples.labels)) % 4


def deciding(**changes: float | None) -> ClassifierParams:
    decision = {"max_false_reject": 0.05, "max_false_accept": None, "coverage": 0.9} | changes
    return SETTINGS.model_copy(update={"decision": DecisionParams.model_validate(decision)})


def test_left_out_labels_are_distractors_or_else_classes():
    assert list(left_out_labels(2, 5)) == [2, 3, 4]
    assert list(left_out_labels(3, 3)) == [0, 1, 2]
    assert list(left_out_labels(2, 2)) == []


def test_every_image_is_predicted_once_by_a_model_that_never_saw_it():
    examples, fold = blobs(), folds(blobs())
    parts = out_of_fold(examples, fold, 3, 5, FIT, SETTINGS.train)
    assert sorted(np.concatenate([part.rows for part in parts])) == list(range(200))
    left = list(leave_one_query_out(examples, fold, 3, 5, FIT, SETTINGS.train))
    assert [one.label for one in left] == [3, 4]
    for one in left:
        assert (examples.labels[one.held_out.rows] == one.label).all()
        assert one.held_out.logits.shape == (40, 4)


def test_the_detector_separates_left_out_images_and_never_weighs_against_similarity():
    examples, fold = blobs(), folds(blobs())
    parts = out_of_fold(examples, fold, 3, 5, FIT, SETTINGS.train)
    known = np.concatenate([part.figures[examples.labels[part.rows] < 3] for part in parts])
    rounds = leave_one_query_out(examples, fold, 3, 5, FIT, SETTINGS.train)
    unseen = np.concatenate([one.held_out.figures for one in rounds])
    detector = fit_detector(known, [unseen])
    assert (detector.weights >= 0).all()
    assert np.median(detector.score(known)) > 0 > np.median(detector.score(unseen))


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_false_rejects_stay_within_their_bound(rate):
    examples, fold = blobs(noise=1.5), folds(blobs())
    parts = out_of_fold(examples, fold, 5, 5, FIT, SETTINGS.train)
    params = deciding(max_false_reject=rate).decision
    detector = bound_error(fit_detector(parts[0].figures, []), parts, [], 5, 1.0, params)
    margins = [decision_margin(one.logits, detector.score(one.figures), 5, 1.0) for one in parts]
    rejected = (np.concatenate(margins) < -1e-5).mean()
    assert rate - 0.02 <= rejected <= rate


def test_false_accepts_stay_within_their_bound():
    settings = deciding(max_false_reject=None, max_false_accept=0.1)
    examples = blobs(noise=1.2)
    found = select(examples, folds(examples), 3, NAMES, RECIPE, settings, 1)
    assert found.metrics["ood"]["false_accept_rate"]["value"] <= 0.2


def test_selection_answers_each_image_once_and_names_the_worst_left_out_label():
    examples = blobs(noise=1.0)
    found = select(examples, folds(examples), 3, NAMES, RECIPE, deciding(), 1)
    assert found.rows.tolist() == list(range(200))
    assert found.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.metrics["ood"]["false_reject_rate"]["n"] == 120
    assert found.metrics["ood"]["false_accept_rate"]["n"] == 80
    assert found.metrics["ood"]["worst_left_out"]["label"] in {"dog", "eel"}
    assert found.metrics["set_coverage"]["value"] >= 0.85
    assert (found.ood["ood"].sum(), len(found.ood)) == (80, 200)


def test_a_class_missing_from_a_fold_is_never_its_answer():
    examples = blobs(n=40)
    fold = np.where(examples.labels == 2, 0, 1 + np.arange(40) % 2)
    found = select(examples, fold, 3, NAMES, RECIPE, deciding(), 1)
    assert (found.probabilities[fold == 0, 2] == 0).all()


def test_without_distractors_and_with_two_classes_false_rejects_alone_are_bounded():
    examples = blobs(labels=2)
    found = select(examples, folds(examples), 2, NAMES[:2], RECIPE, deciding(), 1)
    assert set(found.metrics["ood"]) == {"false_reject_rate"}
    assert found.metrics["ood"]["false_reject_rate"]["value"] <= 0.1


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
