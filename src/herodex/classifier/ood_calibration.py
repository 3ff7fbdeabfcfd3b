"""Calibration of the decision: OOD score, bounded error and confidence set.

Out-of-fold predictions show how the model answers images of the labels that it knows. Leaving out each
distractor in turn shows how it answers images of things that it has never seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from scipy.optimize import minimize

from herodex.classifier.examples import OodExamples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import FitHeads, LinearHead
from herodex.inference.decision import decision_margin
from herodex.inference.ood import (
    Gallery,
    OodDetector,
    Whitening,
    far_similarity,
    ood_figures,
    sample_gallery,
    similarities,
    unit,
)
from herodex.params import DecisionParams, ScaleParams, TrainClassifierParams
from herodex.scale.engine import LOCAL
from herodex.scale.parallel import independent_fits

LEAST_CLASSES = 3
"""Without distractors, classes are left out in turn where at least two others remain."""
MOST_LEFT_OUT = 20
"""Labels left out in turn, because each one takes a model of its own; of more labels, an even sample."""
FALSE_REJECT_RATE = 0.05
"""Bound where there are no out-of-distribution images by which another error could be bounded."""
FAR_SHARE = 0.2
"""Share of the bounded false rejects that the far score may cause."""
NEAR_CERTAIN, FAR_CERTAIN = 4.0, 20.0
"""Log-odds that a score without out-of-distribution images gives to the median image of the classes.

The far score is steep, so that it leaves the order of the images that it lets pass to the near score.
"""
RIDGE = 1e-3
"""L2 penalty of the detector's weights, per image."""
NEAR_FIGURES = 4
SIMILARITY = 2
"""Position of the similarity among the figures."""


@dataclass(frozen=True)
class Method:
    """The way in which models are fitted.

    Attributes:
        classes: how many labels are classes; they come first.
        label_count: labels of the head; one without an image is never answered.
        fit: fits a head for each setting to choose from.
        settings: of the whitening and the gallery.
    """

    classes: int
    label_count: int
    fit: FitHeads
    settings: TrainClassifierParams


class HeldOut(NamedTuple):
    """Predictions of held-out images.

    Attributes:
        rows: their positions among the examples.
        logits: of the classes, then of the labels that the model has learned.
        figures: that the OOD score weighs.
    """

    rows: Int[np.ndarray, " n"]
    logits: Float[np.ndarray, "n _labels"]
    figures: Float[np.ndarray, "n 5"]

    def select(self, which: Bool[np.ndarray, " n"]) -> "HeldOut":
        """Select predictions by a mask."""
        return HeldOut(self.rows[which], self.logits[which], self.figures[which])


class Left(NamedTuple):
    """A left-out label: the predictions of its images by a model that has not learnt from it.

    Attributes:
        label: its position.
        held_out: the predictions.
        without: all labels that this model has not learnt from.
    """

    label: int
    held_out: HeldOut
    without: tuple[int, ...]


def possible_labels(classes: int, label_count: int) -> range:
    """List the labels that can be left out: the distractors, or else each class if there are enough."""
    if label_count > classes:
        return range(classes, label_count)
    return range(classes) if classes >= LEAST_CLASSES else range(0)


def left_out_labels(classes: int, label_count: int) -> list[int]:
    """List the labels to leave out: all that can be, or an even sample of 20 of them."""
    possible = possible_labels(classes, label_count)
    count = min(len(possible), MOST_LEFT_OUT)
    return [possible[(2 * place + 1) * len(possible) // (2 * count)] for place in range(count)]


def predict_held_out(
    taught: OodExamples, examples: OodExamples, rows: Int[np.ndarray, " n"], method: Method
) -> HeldOut:
    """Fit a model to some examples, and predict others, by their positions."""
    return predict(fit_model(taught, method), examples, rows, method.classes)


class Reference(NamedTuple):
    """The training images that answers are compared to."""

    whitening: Whitening
    gallery: Gallery


class Model(NamedTuple):
    """A fitted head and its reference."""

    head: LinearHead
    reference: Reference


def fit_model(taught: OodExamples, method: Method) -> Model:
    """Fit a model to examples; the method fits one head."""
    (head,) = method.fit(taught, method.label_count)
    return Model(head, fit_reference(taught, method))


def fit_reference(taught: OodExamples, method: Method) -> Reference:
    """Fit the whitening to examples, and keep them in the gallery."""
    whitening, neighbours = fit_whitening(taught, method.settings.shrinkage), method.settings.neighbours
    sample = sample_gallery(taught.labels, method.label_count, neighbours)
    part = taught if len(sample) == len(taught.labels) else taught.select(sample)
    vectors = whitening.embed(part.features)
    gallery = Gallery(vectors, unit(part.means), part.labels, method.label_count, neighbours)
    return Reference(whitening, gallery)


def predict(model: Model, examples: OodExamples, rows: Int[np.ndarray, " n"], classes: int) -> HeldOut:
    """Predict examples, by their positions."""
    return predict_with_each([model.head], model.reference, examples, rows, classes)[0]


def predict_with_each(
    heads: Iterable[LinearHead],
    reference: Reference,
    examples: OodExamples,
    rows: Int[np.ndarray, " n"],
    classes: int,
) -> list[HeldOut]:
    """Predict examples, by their positions, with each head."""
    features = examples.features[rows]
    similarity = similarities(reference.gallery, reference.whitening.embed(features))
    far = far_similarity(reference.gallery, examples.means[rows], classes)
    kind = np.float32 if examples.reduced else np.float64
    return [
        HeldOut(rows, logits.astype(kind, copy=False), ood_figures(logits, similarity, far, classes))
        for logits in (head.logits(features) for head in heads)
    ]


def out_of_fold(
    examples: OodExamples,
    fold: Int[np.ndarray, " n"],
    learnt: Bool[np.ndarray, " n"],
    method: Method,
    scale: ScaleParams = LOCAL,
) -> list[list[HeldOut]]:
    """Predict each image by models fitted to the other folds.

    Args:
        examples: to fit and to predict.
        fold: of each; folds below 0 are not predicted.
        learnt: marks the examples that a model may be fitted to.
        method: fits the models.
        scale: the engine that runs a task for each fold.

    Returns:
        for each head that the method fits, the predictions of each fold.
    """
    numbers: list[int] = np.unique(fold[fold >= 0]).tolist()

    def predict_fold(number: int) -> list[HeldOut]:
        taught, rows = examples.select((fold != number) & learnt), np.flatnonzero(fold == number)
        heads, reference = method.fit(taught, method.label_count), fit_reference(taught, method)
        return predict_with_each(heads, reference, examples, rows, method.classes)

    # Folds of many images follow each other: each is fitted on all CPUs, and their memory does not add up.
    threads = 1 if examples.reduced else None
    by_fold = independent_fits(predict_fold, numbers, "cross-validate", "folds", scale, threads)
    return [list(parts) for parts in zip(*by_fold, strict=True)]


def leave_one_query_out(
    examples: OodExamples,
    fold: Int[np.ndarray, " n"],
    learnt: Bool[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    method: Method,
    scale: ScaleParams = LOCAL,
) -> list[Left]:
    """Leave out each possible label in turn, and predict its images; arguments as in `out_of_fold`.

    Each round also leaves out a fold, so that its model has learned from as many images as those of
    `out_of_fold`. If that model has learned from a duplicate group of the label's images, there is a round
    for each fold, which predicts the images of that fold.
    """
    labels = left_out_labels(method.classes, method.label_count)
    if examples.reduced:
        return leave_out_together(examples, fold, learnt, groups, method, scale)

    def leave_out(place: int) -> Left:
        label = labels[place]
        without = method_without([label], method)
        names = kept_labels([label], method)
        rows = np.flatnonzero(learnt & (examples.labels == label) & (fold >= 0))
        left_fold = place % (int(fold.max()) + 1)
        chosen = learnt & (examples.labels != label) & (fold != left_fold)
        if np.isin(groups[rows], groups[chosen]).any():
            rounds = [(number, rows[fold[rows] == number]) for number in np.unique(fold[rows])]
        else:
            rounds = [(left_fold, rows)]
        parts: list[HeldOut] = []
        for number, asked in rounds:
            chosen = learnt & (examples.labels != label) & (fold != number)
            taught = examples.select(chosen).relabel(np.searchsorted(names, examples.labels[chosen]))
            parts.append(predict_held_out(taught, examples, asked, without))
        held_out = HeldOut(*(np.concatenate(values) for values in zip(*parts, strict=True)))
        return Left(label, held_out, (label,))

    return list(independent_fits(leave_out, range(len(labels)), "leave out", "queries", scale))


def leave_out_together(
    examples: OodExamples,
    fold: Int[np.ndarray, " n"],
    learnt: Bool[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    method: Method,
    scale: ScaleParams = LOCAL,
) -> list[Left]:
    """Leave out several labels at a time, in as many rounds as folds; arguments as in `out_of_fold`.

    For many images, a model for each label would take too long. Images of a duplicate group that has an image
    of such a label are left out with them.
    """
    labels = left_out_labels(method.classes, method.label_count)
    rounds = min(int(fold.max()) + 1, len(labels))

    def leave_out(number: int) -> list[Left]:
        together = labels[number::rounds]
        asked = np.flatnonzero(learnt & np.isin(examples.labels, together) & (fold >= 0))
        chosen = learnt & ~np.isin(examples.labels, together) & (fold != number)
        chosen &= ~np.isin(groups, groups[asked])
        names = kept_labels(together, method)
        taught = examples.select(chosen).relabel(np.searchsorted(names, examples.labels[chosen]))
        held_out = predict_held_out(taught, examples, asked, method_without(together, method))
        own = examples.labels[asked]
        return [Left(label, held_out.select(own == label), tuple(together)) for label in together]

    # One after the other, as folds of many images are.
    parts = independent_fits(leave_out, range(rounds), "leave out", "rounds", scale, threads=1)
    return sorted((left for part in parts for left in part), key=lambda left: left.label)


def kept_labels(left_out: Sequence[int], method: Method) -> Int[np.ndarray, " kept"]:
    """List the labels that a model without some labels learns from."""
    return np.setdiff1d(np.arange(method.label_count), left_out)


def method_without(left_out: Sequence[int], method: Method) -> Method:
    """Return the method for models without some labels."""
    classes = method.classes - sum(label < method.classes for label in left_out)
    return replace(method, classes=classes, label_count=method.label_count - len(left_out))


def fit_detector(
    known: Float[np.ndarray, "n 5"], others: list[Float[np.ndarray, "_m 5"]], far_rejects: float
) -> OodDetector:
    """Fit both scores of a detector.

    The near score is a logistic regression of known against other images, with weights that are not negative.
    Known images and others count the same in total, and so does each group of others. Without others, the
    similarity alone is the near score: classes that are left out in turn would not do as others, because the
    energy tells them apart far better than it does other things.

    Args:
        known: figures of images of the classes.
        others: figures of distractors, for example of seen and of left-out ones.
        far_rejects: share of the known images whose far score is below 0.
    """
    groups = [group for group in others if len(group)]
    far_weight, far_bias = scale_to_quantile(known[:, -1], far_rejects, FAR_CERTAIN)
    if groups:
        weights, bias = fit_near_score(known[:, :-1], [group[:, :-1] for group in groups])
    else:
        weights = np.zeros(NEAR_FIGURES)
        similarity = known[:, SIMILARITY]
        weights[SIMILARITY], bias = scale_to_quantile(similarity, FALSE_REJECT_RATE, NEAR_CERTAIN)
    return OodDetector(weights.round(6), round(bias, 6), round(far_weight, 6), round(far_bias, 6))


def scale_to_quantile(values: Float[np.ndarray, " n"], below: float, certain: float) -> tuple[float, float]:
    """Find the weight and the bias that take a lower quantile to 0 and the median to `certain`."""
    ordered = np.sort(values.astype(np.float64))
    least = float(ordered[lower_rank(len(ordered), below)])
    weight = certain / max(float(np.median(ordered)) - least, 1e-6)
    return weight, -weight * least


def lower_rank(n: int, share: float) -> int:
    """Return the rank, from 0, below which lies at most a share of n values and of further ones like them."""
    return max(int(np.floor(share * (n + 1))) - 1, 0)


def fit_near_score(
    known: Float[np.ndarray, "n 4"], groups: list[Float[np.ndarray, "_m 4"]]
) -> tuple[Float[np.ndarray, " 4"], float]:
    """Fit the weights and the bias of the near score; arguments as in `fit_detector`."""
    figures = np.concatenate([known, *groups])
    target = np.repeat([1.0, -1.0], [len(known), len(figures) - len(known)])
    sizes = [len(known), *map(len, groups)]
    share = np.repeat([0.5 / len(known), *(0.5 / len(groups) / len(group) for group in groups)], sizes)
    mean, deviation = figures.mean(axis=0), figures.std(axis=0) + 1e-9
    scaled = (figures - mean) / deviation
    count = figures.shape[1]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        margin = target * (scaled @ flat[:count] + flat[count])
        slope = -target * share / (1 + np.exp(np.clip(margin, -500, 500)))
        value = (share * np.logaddexp(0, -margin)).sum() + RIDGE * (flat[:count] ** 2).sum()
        return float(value), np.append(scaled.T @ slope + 2 * RIDGE * flat[:count], slope.sum())

    bounds = [(0, None)] * count + [(None, None)]
    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    weights = found[:count] / deviation
    return weights, float(found[count] - weights @ mean)


def bound_error(
    detector: OodDetector,
    known: list[HeldOut],
    unseen: list[HeldOut],
    classes: int,
    temperature: float,
    params: DecisionParams,
) -> OodDetector:
    """Shift the near score so that the decision keeps the bounded error on held-out images.

    Args:
        detector: to shift.
        known: predictions of images of the classes.
        unseen: predictions of images of left-out labels.
        classes: how many labels are classes.
        temperature: divides the classes' logits.
        params: which error is bounded, and by how much.
    """

    def near_margins(parts: list[HeldOut]) -> tuple[np.ndarray, int]:
        # Of the images that the far score lets pass, in order; and the count of the others.
        near, far = [np.zeros(0)], [np.zeros(0)]
        for one in parts:
            known_labels = min(classes, one.logits.shape[1])
            for margins, score in ((near, detector.near_score), (far, detector.far_score)):
                scores = score(one.figures)
                margins.append(decision_margin(one.logits, scores, known_labels, temperature))
        passed = np.concatenate(far) >= 0
        return np.sort(np.concatenate(near)[passed]), int((~passed).sum())

    margins, stopped = near_margins(unseen)
    if params.max_false_accept is not None and len(margins) + stopped:
        n = len(margins) + stopped
        rejected = min(int(np.ceil((1 - params.max_false_accept) * (n + 1))), n) - stopped
        cut = np.nextafter(margins[rejected - 1], np.inf) if rejected > 0 else margins[0]
    else:
        margins, stopped = near_margins(known)
        rate = params.max_false_reject or FALSE_REJECT_RATE
        cut = margins[max(lower_rank(len(margins) + stopped, rate) - stopped, 0)]
    return replace(detector, bias=round(float(detector.bias - cut), 6))
