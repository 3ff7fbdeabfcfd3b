"""Learns to tell strangers: each search is left out in turn, and shown to what has not seen it."""

from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import Fit
from herodex.inference.ood import Gallery, OodDetector, ood_features, similarities
from herodex.params import TrainClassifierParams
from herodex.progress import track

LEAST_CLASSES = 3
"""Without distractors classes are left out in turn, as long as two others stay."""
FALSE_REJECT_RATE = 0.02
"""Where there are no strangers to learn from, so many familiar images are taken for one."""


def left_out_labels(classes: int, count: int) -> range:
    """Say which labels are left out: all that are not classes, else each class if there are enough."""
    if count > classes:
        return range(classes, count)
    return range(classes) if classes >= LEAST_CLASSES else range(0)


def ood_features_without(
    label: int,
    train: Examples,
    validation: Examples,
    classes: int,
    count: int,
    fit: Fit,
    settings: TrainClassifierParams,
) -> tuple[np.ndarray, np.ndarray]:
    """Learn from all but one label, and look at its images and at the classes' in the validation part.

    Args:
        label: which is left out; -1 for none.
        train: what is learnt from.
        validation: what is not.
        classes: how many labels, from the first on, are classes.
        count: of labels.
        fit: makes one head.
        settings: of the space and the gallery.

    Returns:
        figures, float [n, 3], and whether each image is a stranger, bool [n].
    """
    names = np.array([name for name in range(count) if name != label])
    known = int((names < classes).sum())
    seen = np.isin(train.labels, names)
    taught = Examples(train.features[seen], np.searchsorted(names, train.labels[seen]))
    (head,) = fit(taught, len(names))
    space = fit_whitening(taught, settings.shrinkage)
    gallery = Gallery(space.unit(taught.features), taught.labels, len(names), settings.neighbours)
    asked = validation.features[np.isin(validation.labels, names[:known])]
    strange = [part.features[part.labels == label] for part in (train, validation)]
    features = np.concatenate([asked, *strange])
    figures = ood_features(head.logits(features), similarities(gallery, space.unit(features)), known)
    return figures, np.arange(len(features)) >= len(asked)


def leave_one_query_out(
    train: Examples,
    validation: Examples,
    classes: int,
    count: int,
    fit: Fit,
    settings: TrainClassifierParams,
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Leave each label out in turn that can be; gives the label and what `ood_features_without` returns."""
    labels = left_out_labels(classes, count) or [-1]
    for label in track(labels, len(labels), "leave out", "searches"):
        figures, strange = ood_features_without(label, train, validation, classes, count, fit, settings)
        yield label, figures, strange


def fit_ood_detector(figures: np.ndarray, strange: np.ndarray, false_accept_rate: float) -> OodDetector:
    """Weigh the figures so that they tell strangers best, and set the threshold.

    Args:
        figures: float [n, 3].
        strange: bool [n].
        false_accept_rate: share of strangers that may pass.
    """
    if not strange.any() or strange.all():
        # Nothing to weigh by: similarity alone, and nearly all that is familiar passes.
        known = figures[~strange, 2] if (~strange).any() else np.zeros(1)
        return OodDetector(
            np.array([0.0, 0.0, 1.0]), 0.0, round(float(np.quantile(known, FALSE_REJECT_RATE)), 6)
        )
    mean, deviation = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    model = LogisticRegression(class_weight="balanced").fit((figures - mean) / deviation, ~strange)
    weights = model.coef_[0] / deviation
    judge = OodDetector(weights.round(6), round(float(model.intercept_[0] - weights @ mean), 6), 0.0)
    threshold = np.quantile(judge.score(figures[strange]), 1 - false_accept_rate)
    return OodDetector(judge.weights, judge.bias, round(float(threshold), 6))
