from functools import partial

import numpy as np
import pytest

from herodex.classifier import ood_calibration
from herodex.classifier.examples import Examples, OodExamples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fit_heads
from herodex.classifier.model_selection import Images, Selection, select
from herodex.classifier.ood_calibration import (
    Method,
    bound_error,
    fit_detector,
    fit_model,
    leave_one_query_out,
    left_out_labels,
    out_of_fold,
    predict,
)
from herodex.classifier.recipes import list_recipes
from herodex.inference.decision import decision_margin
from herodex.inference.ood import Gallery, Whitening, far_similarity, ood_figures, similarities
from herodex.params import ClassifierParams, DecisionParams, load_params

SETTINGS = load_params().classifier
FIT = partial(fit_heads, l2=[0.01])
NAMES = ["ant", "bee", "cat", "dog", "eel"]
RECIPE = list_recipes(SETTINGS.embed)[-1]


def blobs(seed: int = 1, n: int = 200, labels: int = 5, noise: float = 0.5) -> OodExamples:
    centres = np.random.default_rng(9).normal(size=(labels, 40))
    own = np.arange(n) % labels
    spread = np.random.default_rng(seed).normal(size=(n, 40))
    features = (centres[own] + noise * spread).astype(np.float32)
    return OodExamples(features, own, np.abs(features))


def folds(examples: Examples) -> np.ndarray:
    return np.random.default_rng(4).permutation(len(examples.labels)) % 4


def method(classes: int, label_count: int) -> Method:
    return Method(classes, label_count, FIT, SETTINGS.train)


def everything(examples: Examples) -> np.ndarray:
    return np.ones(len(examples.labels), bool)


def selected(
    examples: OodExamples,
    classes: int,
    fold: np.ndarray | None = None,
    aside: int = 0,
    **changes: float | None,
) -> Selection:
    """Select on blobs; the last `aside` images are set aside by a label check."""
    place = np.arange(len(examples.labels))
    learnt = place < len(place) - aside
    images = Images(examples, folds(examples) if fold is None else fold, learnt, place.astype(str))
    names = NAMES[: int(examples.labels.max()) + 1]
    return select(images, classes, names, RECIPE, deciding(**changes), 1)


def deciding(**changes: float | None) -> ClassifierParams:
    decision = {"max_false_reject": 0.05, "max_false_accept": None, "coverage": 0.9} | changes
    return SETTINGS.model_copy(update={"decision": DecisionParams.model_validate(decision)})


def alone(examples: OodExamples) -> np.ndarray:
    """Give each image a group of its own."""
    return np.arange(len(examples.labels)).astype(str)


def test_left_out_labels_are_distractors_or_else_classes():
    assert list(left_out_labels(2, 5)) == [2, 3, 4]
    assert list(left_out_labels(3, 3)) == [0, 1, 2]
    assert list(left_out_labels(2, 2)) == []


def test_every_image_is_predicted_once_by_a_model_that_never_saw_it():
    examples, fold = blobs(), folds(blobs())
    (parts,) = out_of_fold(examples, fold, everything(examples), method(3, 5))
    assert sorted(np.concatenate([part.rows for part in parts])) == list(range(200))
    left = list(leave_one_query_out(examples, fold, everything(examples), alone(examples), method(3, 5)))
    assert [one.label for one in left] == [3, 4]
    for one in left:
        assert (examples.labels[one.held_out.rows] == one.label).all()
        assert one.held_out.logits.shape == (40, 4)


def test_left_out_images_are_predicted_by_models_that_never_saw_their_group(monkeypatch):
    examples = blobs()
    groups = (np.arange(200) // 10).astype(str)
    fold = np.array([int(group) % 5 for group in groups])
    asked, fit_and_predict = [], ood_calibration.predict_held_out

    def watch(taught, examples, rows, method):
        learnt = {row for row in range(200) if (taught.features == examples.features[row]).all(axis=1).any()}
        asked.append((learnt, rows))
        return fit_and_predict(taught, examples, rows, method)

    monkeypatch.setattr(ood_calibration, "predict_held_out", watch)
    left = list(leave_one_query_out(examples, fold, everything(examples), groups, method(3, 5)))
    assert len(asked) == 2 * 5
    for learnt, rows in asked:
        assert not set(groups[sorted(learnt)]) & set(groups[rows])
    for one in left:
        assert sorted(one.held_out.rows) == np.flatnonzero(examples.labels == one.label).tolist()


def test_the_detector_separates_left_out_images_and_never_weighs_against_similarity():
    examples, fold = blobs(), folds(blobs())
    (parts,) = out_of_fold(examples, fold, everything(examples), method(3, 5))
    known = np.concatenate([part.figures[examples.labels[part.rows] < 3] for part in parts])
    rounds = leave_one_query_out(examples, fold, everything(examples), alone(examples), method(3, 5))
    unseen = np.concatenate([one.held_out.figures for one in rounds])
    detector = fit_detector(known, [unseen], 0.01)
    assert (detector.weights >= 0).all()
    assert np.median(detector.score(known)) > 0 > np.median(detector.score(unseen))


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_false_rejects_stay_within_their_bound(rate):
    examples, fold = blobs(noise=1.5), folds(blobs())
    (parts,) = out_of_fold(examples, fold, everything(examples), method(5, 5))
    params = deciding(max_false_reject=rate).decision
    detector = bound_error(fit_detector(parts[0].figures, [], 0.01), parts, [], 5, 1.0, params)
    margins = [decision_margin(one.logits, detector.score(one.figures), 5, 1.0) for one in parts]
    rejected = (np.concatenate(margins) < -1e-5).mean()
    assert rate - 0.02 <= rejected <= rate


def test_false_accepts_stay_within_their_bound():
    found = selected(blobs(noise=1.2), 3, max_false_reject=None, max_false_accept=0.1)
    assert found.metrics["ood"]["false_accept_rate"]["value"] <= 0.2


def test_selection_answers_each_image_once_and_names_the_worst_left_out_label():
    found = selected(blobs(noise=1.0), 3)
    assert found.answers.rows.tolist() == list(range(200))
    assert found.answers.probabilities.sum(axis=1) == pytest.approx(1)
    assert found.metrics["ood"]["false_reject_rate"]["n"] == 120
    assert found.metrics["ood"]["false_accept_rate"]["n"] == 80
    assert set(found.metrics["ood"]["left_out"]) == {"dog", "eel"}
    worst = found.metrics["ood"]["worst_left_out"]
    rates = {
        name: one["false_accept_rate"]["value"] for name, one in found.metrics["ood"]["left_out"].items()
    }
    assert worst["false_accept_rate"]["value"] == rates[worst["label"]] == max(rates.values())
    assert worst["taken_for"] in NAMES[:3]


def test_a_left_out_class_is_taken_for_one_of_the_others():
    left_out = selected(blobs(labels=3, noise=1.0), 3).metrics["ood"]["left_out"]
    assert set(left_out) == {"ant", "bee", "cat"}
    assert all(one["taken_for"] in left_out and one["taken_for"] != name for name, one in left_out.items())
    for name, one in left_out.items():
        rate = one["false_accept_rate"]
        assert set(one["accepted_as"]) == set(left_out) - {name}
        assert sum(one["accepted_as"].values()) == round(rate["value"] * rate["n"])


def test_selection_covers_and_counts_each_image():
    found = selected(blobs(noise=1.0), 3)
    assert found.metrics["set_coverage"]["value"] >= 0.85
    assert (found.ood["ood"].sum(), len(found.ood)) == (80, 200)


def test_a_class_missing_from_a_fold_is_never_its_answer():
    examples = blobs(n=40)
    fold = np.where(examples.labels == 2, 0, 1 + np.arange(40) % 2)
    found = selected(examples, 3, fold)
    assert (found.answers.probabilities[fold == 0, 2] == 0).all()


def test_without_distractors_and_with_two_classes_false_rejects_alone_are_bounded():
    found = selected(blobs(labels=2), 2)
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
    gallery = Gallery(vectors, vectors, np.array([0, 0]), label_count=2, neighbours=1)
    assert similarities(gallery, vectors).tolist() == [[1, -1], [1, -1]]


def test_whitened_vectors_have_length_1():
    whitening = Whitening(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    assert whitening.embed(np.array([[3, 4]], np.float32))[0] == pytest.approx([0.6, 0.8])


def test_more_evidence_for_a_class_raises_the_figures():
    similarity = np.array([[0.1, 0.2], [0.1, 0.2]])
    logits, far = np.array([[1.0, 1.0], [5.0, 1.0]]), np.array([0.7, 0.7])
    weak, strong = ood_figures(logits, similarity, far, 1)
    assert (strong[:2] > weak[:2]).all()
    assert weak[2:] == pytest.approx([0.1, -0.1, 0.7])
    assert strong[2:] == pytest.approx(weak[2:])


def test_without_distractors_a_class_has_no_lead():
    figures = ood_figures(np.zeros((1, 2)), np.array([[0.3, 0.2]]), np.array([0.5]), 2)
    assert figures[0, 2:] == pytest.approx([0.3, 0, 0.5])


def test_far_similarity_compares_with_images_of_the_classes_alone():
    means = np.eye(3, dtype=np.float32)
    gallery = Gallery(means, means, np.array([0, 1, 2]), label_count=3, neighbours=1)
    assert far_similarity(gallery, np.array([[0, 2.0, 0], [0, 0, 2.0]]), 2).tolist() == [1, 0]


@pytest.mark.parametrize("labels", [2, 5])
def test_things_unlike_all_training_images_are_unknown(labels):
    # Along an axis in which training images do not vary, neither the head nor the whitening sees anything.
    taught = blobs(labels=labels)
    wide = OodExamples(taught.features, taught.labels, np.pad(taught.means, ((0, 0), (0, 1))))
    detector = selected(wide, 2).decision.detector
    model = fit_model(wide, method(2, labels))
    alien = np.zeros((1, 41), np.float32)
    alien[0, -1] = 10
    far = OodExamples(taught.features[:1], taught.labels[:1], alien)
    known = predict(model, wide, np.arange(1), 2)
    unlike = predict(model, far, np.arange(1), 2)
    assert (known.figures[0, :4] == unlike.figures[0, :4]).all()
    assert detector.score(known.figures)[0] > 0 > detector.score(unlike.figures)[0]


def test_images_set_aside_are_answered_but_neither_learnt_from_nor_calibrated_on():
    examples = blobs(noise=1.0)
    labels = examples.labels.copy()
    labels[-20:] = (labels[-20:] + 1) % 5
    found = selected(examples.relabel(labels), 3, aside=20)
    without = selected(examples.select(np.arange(180)), 3, fold=folds(examples)[:180])
    assert len(found.answers.rows) == 200
    assert found.answers.probabilities[:180] == pytest.approx(without.answers.probabilities)
    assert found.metrics["accuracy"] == without.metrics["accuracy"]
    assert found.metrics["as_crawled"]["accuracy"]["n"] == 200
    assert found.metrics["as_crawled"]["accuracy"]["value"] < found.metrics["accuracy"]["value"]
    assert "as_crawled" not in without.metrics
