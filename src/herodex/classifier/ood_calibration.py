"""Calibration of the decision: OOD score, bounded error and confidence set.

Out-of-fold predictions show how the model answers images of the labels that it knows. Leaving out each
distractor in turn shows how it answers images of things that it has never seen.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import FitHeads
from herodex.inference.decision import decision_margin
from herodex.inference.ood import Gallery, OodDetector, ood_features, similarities
from herodex.params import DecisionParams, TrainClassifierParams
from herodex.progress import track

LEAST_CLASSES = 3
"""Without distractors, classes are left out in turn where at least two others remain."""
FALSE_REJECT_RATE = 0.05
"""Bound where there are no out-of-distribution images by which another error could be bounded."""
RIDGE = 1e-3
"""L2 penalty of the detector's weights, per image."""


class HeldOut(NamedTuple):
    """Predictions of held-out images.

    Attributes:
        rows: their positions among the examples.
        logits: of the classes, then of the labels that the model has learned.
        figures: that the OOD score weighs.
    """

    rows: Int[np.ndarray, " n"]
    logits: Float[np.ndarray, "n _labels"]
    figures: Float[np.ndarray, "n 3"]


class Left(NamedTuple):
    """One round of leave-one-query-out: the label left out, and the predictions of its images."""

    label: int
    held_out: HeldOut


def left_out_labels(classes: int, label_count: int) -> range:
    """List the labels to leave out: the distractors, or else each class if there are enough."""
    if label_count > classes:
        return range(classes, label_count)
    return range(classes) if classes >= LEAST_CLASSES else range(0)


def predict_held_out(
    taught: Examples,
    examples: Examples,
    rows: Int[np.ndarray, " n"],
    classes: int,
    label_count: int,
    fit: FitHeads,
    settings: TrainClassifierParams,
) -> HeldOut:
    """Fit a model to some examples, and predict others.

    Args:
        taught: to fit.
        examples: to choose from.
        rows: the positions to predict.
        classes: how many of the taught labels are classes; they come first.
        label_count: labels of the head; one without an image is never answered.
        fit: fits one head.
        settings: of the whitening and the gallery.
    """
    (head,) = fit(taught, label_count)
    whitening = fit_whitening(taught, settings.shrinkage)
    gallery = Gallery(whitening.embed(taught.features), taught.labels, label_count, settings.neighbours)
    features = examples.features[rows]
    logits = head.logits(features)
    figures = ood_features(logits, similarities(gallery, whitening.embed(features)), classes)
    return HeldOut(rows, logits, figures)


def out_of_fold(
    examples: Examples,
    fold: Int[np.ndarray, " n"],
    classes: int,
    label_count: int,
    fit: FitHeads,
    settings: TrainClassifierParams,
) -> list[HeldOut]:
    """Predict each image by a model fitted to the other folds; folds below 0 are not predicted."""
    numbers = np.unique(fold[fold >= 0])
    return [
        predict_held_out(
            examples.select(fold != number),
            examples,
            np.flatnonzero(fold == number),
            classes,
            label_count,
            fit,
            settings,
        )
        for number in track(numbers, len(numbers), "calibrate", "folds")
    ]


def leave_one_query_out(
    examples: Examples,
    fold: Int[np.ndarray, " n"],
    classes: int,
    label_count: int,
    fit: FitHeads,
    settings: TrainClassifierParams,
) -> Iterator[Left]:
    """Leave out each possible label in turn, and predict its images.

    Each round also leaves out a fold, so that its model has learned from as many images as those of
    `out_of_fold`. Images with a fold below 0 are not predicted.
    """
    labels, folds = left_out_labels(classes, label_count), int(fold.max()) + 1
    for place, label in enumerate(track(labels, len(labels), "leave out", "queries")):
        learnt = (examples.labels != label) & (fold != place % folds)
        names = np.array([name for name in range(label_count) if name != label])
        taught = Examples(examples.features[learnt], np.searchsorted(names, examples.labels[learnt]))
        rows = np.flatnonzero((examples.labels == label) & (fold >= 0))
        known = classes - (label < classes)
        yield Left(label, predict_held_out(taught, examples, rows, known, len(names), fit, settings))


def fit_detector(known: Float[np.ndarray, "n 3"], others: list[Float[np.ndarray, "_m 3"]]) -> OodDetector:
    """Fit logistic regression of known against other images, with weights that are not negative.

    Known images and others count the same in total, and so does each group of others. Without others, the
    similarity alone is the score.

    Args:
        known: figures of images of the classes.
        others: figures of distractors, for example of seen and of left-out ones.
    """
    groups = [group for group in others if len(group)]
    if not groups:
        scale = 1 / max(float(known[:, 2].std()), 1e-9)
        return OodDetector(np.array([0.0, 0.0, scale]).round(6), 0.0)
    figures = np.concatenate([known, *groups])
    target = np.repeat([1.0, -1.0], [len(known), len(figures) - len(known)])
    sizes = [len(known), *map(len, groups)]
    share = np.repeat([0.5 / len(known), *(0.5 / len(groups) / len(group) for group in groups)], sizes)
    mean, deviation = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    scaled = (figures - mean) / deviation

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        margin = target * (scaled @ flat[:3] + flat[3])
        slope = -target * share / (1 + np.exp(np.clip(margin, -500, 500)))
        value = (share * np.logaddexp(0, -margin)).sum() + RIDGE * (flat[:3] ** 2).sum()
        return float(value), np.append(scaled.T @ slope + 2 * RIDGE * flat[:3], slope.sum())

    bounds = [(0, None)] * 3 + [(None, None)]
    found = minimize(loss, np.zeros(4), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found[:3] / deviation
    return OodDetector(weights.round(6), round(float(found[3] - weights @ mean), 6))


def bound_error(
    detector: OodDetector,
    known: list[HeldOut],
    unseen: list[HeldOut],
    classes: int,
    temperature: float,
    params: DecisionParams,
) -> OodDetector:
    """Shift a detector's bias so that the decision keeps the bounded error on held-out images.

    Args:
        detector: to shift.
        known: predictions of images of the classes.
        unseen: predictions of images of left-out labels.
        classes: how many labels are classes.
        temperature: divides the classes' logits.
        params: which error is bounded, and by how much.
    """

    def margins(parts: list[HeldOut]) -> np.ndarray:
        found = [
            decision_margin(
                one.logits, detector.score(one.figures), min(classes, one.logits.shape[1]), temperature
            )
            for one in parts
        ]
        return np.sort(np.concatenate(found)) if found else np.zeros(0)

    of_unseen = margins(unseen)
    if params.max_false_accept is not None and len(of_unseen):
        rank = min(int(np.ceil((1 - params.max_false_accept) * (len(of_unseen) + 1))), len(of_unseen))
        cut = np.nextafter(of_unseen[rank - 1], np.inf)
    else:
        of_known = margins(known)
        rate = params.max_false_reject or FALSE_REJECT_RATE
        cut = of_known[max(int(np.floor(rate * (len(of_known) + 1))) - 1, 0)]
    return OodDetector(detector.weights, round(float(detector.bias - cut), 6))
