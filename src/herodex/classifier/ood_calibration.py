"""Out-of-distribution calibration by leave-one-query-out.

Each distractor in turn is left out of training; its images, beside the classes' validation images, show how
the score separates images of things that the classifier has never seen.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from sklearn.linear_model import LogisticRegression

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import FitHeads
from herodex.inference.ood import Gallery, OodDetector, ood_features, similarities
from herodex.params import TrainClassifierParams
from herodex.progress import track

LEAST_CLASSES = 3
"""Without distractors, classes are left out in turn where at least two others remain."""
FALSE_REJECT_RATE = 0.02
"""False reject rate of the threshold where there are no out-of-distribution images to learn from."""


class LeftOut(NamedTuple):
    """One round of the calibration: the label left out, and the figures of both kinds of images."""

    label: int
    figures: Float[np.ndarray, "n 3"]
    is_ood: Bool[np.ndarray, " n"]


def left_out_labels(classes: int, label_count: int) -> range:
    """List the labels to leave out: the distractors, or else each class if there are enough."""
    if label_count > classes:
        return range(classes, label_count)
    return range(classes) if classes >= LEAST_CLASSES else range(0)


def leave_out(
    label: int,
    train: Examples,
    validation: Examples,
    classes: int,
    label_count: int,
    fit: FitHeads,
    settings: TrainClassifierParams,
) -> LeftOut:
    """Train without one label, and compute the figures of its images and of the classes' validation images.

    Args:
        label: to leave out; -1 for none.
        train: to train on.
        validation: to compute figures of.
        classes: how many labels are classes; they come first.
        label_count: labels of the head.
        fit: fits one head.
        settings: of the whitening and the gallery.
    """
    names = np.array([name for name in range(label_count) if name != label])
    known = int((names < classes).sum())
    seen = np.isin(train.labels, names)
    taught = Examples(train.features[seen], np.searchsorted(names, train.labels[seen]))
    (head,) = fit(taught, len(names))
    whitening = fit_whitening(taught, settings.shrinkage)
    gallery = Gallery(whitening.embed(taught.features), taught.labels, len(names), settings.neighbours)
    of_classes = validation.features[np.isin(validation.labels, names[:known])]
    ood = [part.features[part.labels == label] for part in (train, validation)]
    features = np.concatenate([of_classes, *ood])
    similarity = similarities(gallery, whitening.embed(features))
    figures = ood_features(head.logits(features), similarity, known)
    return LeftOut(label, figures, np.arange(len(features)) >= len(of_classes))


def leave_one_query_out(
    train: Examples,
    validation: Examples,
    classes: int,
    label_count: int,
    fit: FitHeads,
    settings: TrainClassifierParams,
) -> Iterator[LeftOut]:
    """Leave out each possible label in turn; the arguments are those of `leave_out`."""
    labels = left_out_labels(classes, label_count) or [-1]
    for label in track(labels, len(labels), "leave out", "queries"):
        yield leave_out(label, train, validation, classes, label_count, fit, settings)


def fit_ood_detector(
    figures: Float[np.ndarray, "n 3"], is_ood: Bool[np.ndarray, " n"], false_accept_rate: float
) -> OodDetector:
    """Fit the weights of the OOD score, and set its threshold.

    Args:
        figures: of images of the classes and of others.
        is_ood: marks the others.
        false_accept_rate: share of the others that the threshold accepts.
    """
    if not is_ood.any() or is_ood.all():
        # Nothing to learn weights from: similarity alone, with a low false reject rate.
        known = figures[~is_ood, 2] if (~is_ood).any() else np.zeros(1)
        threshold = round(float(np.quantile(known, FALSE_REJECT_RATE)), 6)
        return OodDetector(np.array([0.0, 0.0, 1.0]), 0.0, threshold)
    mean, deviation = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    model = LogisticRegression(class_weight="balanced").fit((figures - mean) / deviation, ~is_ood)
    weights = np.asarray(model.coef_)[0] / deviation
    bias = round(float(np.asarray(model.intercept_)[0] - weights @ mean), 6)
    detector = OodDetector(weights.round(6), bias, 0.0)
    threshold = np.quantile(detector.score(figures[is_ood]), 1 - false_accept_rate)
    return OodDetector(detector.weights, bias, round(float(threshold), 6))
