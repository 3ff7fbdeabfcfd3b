"""Label errors by confident learning (Northcutt, Jiang, Chuang 2021), and a test that dropping them helps.

Each image is scored by a model fitted without the image and its duplicates; cleanlab turns the predicted
probabilities into label quality. A hard image of a small class looks like a label error. The difference shows
in other images: out of fold, they become more probable if label errors are dropped, and those of the small
class less probable if its hard images are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
from cleanlab.rank import get_label_quality_scores
from jaxtyping import Bool, Float64, Int, Shaped
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from herodex.curation.near_duplicates import unit_vectors
from herodex.dataset.feature_table import BLOCK, Vectors
from herodex.hashing import uniform_hash
from herodex.params import ScaleParams
from herodex.scale.engine import LOCAL
from herodex.scale.parallel import in_turn, independent_fits

REGULARISATION = 0.003
"""scikit-learn's C, small because there are few images and many features."""
NEIGHBOURS = 5
"""Images of the same label whose mean similarity tells whether an image resembles its label."""
DEVIATIONS = 3.0
"""Robust standard deviations below the median similarity of its label from which an image is an outlier."""
OUTLIER_LENIENCY = 3 / 0.7
"""Factor on the quality limit for outliers, whose low similarity is evidence of its own."""
MAX_OUTLIER_QUALITY = 0.5
"""Label quality from which an image is never an outlier: its label is the most probable one."""
MIN_CONFIDENCE = 0.5
"""Probability of another label from which a suspect label is a `label_error`, below an `outlier`."""
MAX_DROPPED = 0.2
"""Largest share of a label's images dropped; beyond, the model does not understand the label."""
MIN_GAIN = 0.01
"""Smallest gain in log-likelihood that justifies dropping images: other images get 1 % more probable."""
LABEL_ERROR, OUTLIER = "label_error", "outlier"
FITTED_MAX = 20_000
"""Images that a model is fitted to; beyond, a sample of them with the same limit for every label."""
MANY_LOGITS, COMPONENTS = 2_000_000, 256
"""Fitted images times labels beyond which the model is fitted to so many principal components."""
PREDICTED_AT_ONCE = 4096
"""Images predicted at a time, which bounds the memory."""
COMPARED_MAX = 4096
"""Images of a label with which each is compared; beyond, a sample of them."""
SMALLEST = 1e-6
"""Probabilities below are raised to it, so one image cannot decide the gain."""


@dataclass(frozen=True)
class Labelled:
    """Images with the labels to check.

    Attributes:
        features: one row per image, in memory or on disk.
        labels: empty if an image has none.
        groups: ids of the duplicate groups; images of one group are no evidence for each other.
        usable: the images to fit to.
        folds: number of models.
        scale: the engine that runs a task for each model, and for each label.
    """

    features: Vectors
    labels: Shaped[np.ndarray, " n"]
    groups: Shaped[np.ndarray, " n"]
    usable: Bool[np.ndarray, " n"]
    folds: int
    scale: ScaleParams = LOCAL

    def without(self, suspect: Bool[np.ndarray, " n"]) -> "Labelled":
        """Return the same images with fewer to fit to."""
        return replace(self, usable=self.usable & ~suspect)


@dataclass(frozen=True)
class LabelErrors:
    """The images to drop.

    Attributes:
        reason: LABEL_ERROR, OUTLIER, or empty.
        off: why no image of a label is dropped although there are suspects, by label.
    """

    reason: Shaped[np.ndarray, " n"]
    off: dict[str, str]


@dataclass(frozen=True)
class LabelQuality:
    """Label quality of each image; NaN or empty without a label or a model.

    Attributes:
        quality: probability of the given label, from 0 (worst) to 1.
        confidence: probability of the most probable label.
        looks_like: the most probable label.
        rival: the most probable label other than the given one.
        chance: probability of a label under a uniform guess.
    """

    quality: Float64[np.ndarray, " n"]
    confidence: Float64[np.ndarray, " n"]
    looks_like: Shaped[np.ndarray, " n"]
    rival: Shaped[np.ndarray, " n"]
    chance: float


def predict_out_of_fold(
    images: Labelled,
) -> Iterator[
    tuple[Int[np.ndarray, " rows"], Shaped[np.ndarray, " classes"], Float64[np.ndarray, "rows classes"]]
]:
    """Predict each image by logistic regression fitted to the other folds.

    The fold depends on the duplicate group's id alone, so duplicates share a fold. A model is fitted to at
    most `FITTED_MAX` images, with one limit for every label. Folds without a model are left out.

    Yields:
        positions, the sorted labels, and the probabilities.
    """
    labels, folds = images.labels, images.folds
    fitted = images.usable & (labels != "")
    classes = np.array(_labels_of(labels[fitted]), dtype=str)
    fold = np.array([int(folds * uniform_hash(group, "fold")) for group in images.groups], int)
    parts = [
        (train, test)
        for held_out in range(folds)
        for train, test in [(fitted & (fold != held_out), np.flatnonzero(fold == held_out))]
        if len(test) and len(set(labels[train])) >= 2
    ]
    fits = [train for train, _ in parts]
    models = independent_fits(partial(_fit, images), fits, "check labels", "folds", images.scale)
    for model, (_, test) in zip(models, parts, strict=True):
        columns = np.searchsorted(classes, cast("list[str]", model.classes_.tolist()))
        for start in range(0, len(test), PREDICTED_AT_ONCE):
            rows = test[start : start + PREDICTED_AT_ONCE]
            probabilities = np.zeros((len(rows), len(classes)))
            # Several threads would add in another order and change the last digits.
            with threadpool_limits(1):
                probabilities[:, columns] = model.predict_proba(images.features[rows])
            yield rows, classes, probabilities


def _fit(images: Labelled, train: Bool[np.ndarray, " n"]) -> Any:
    """Fit a logistic regression to scaled features, or to their principal components for many labels."""
    learnt = sample_evenly(np.flatnonzero(train), images.labels, images.groups, FITTED_MAX)
    # Without balancing, images of a small class are improbable because the class is small.
    regression = LogisticRegression(C=REGULARISATION, max_iter=500, class_weight="balanced")
    features, labels = images.features[learnt], images.labels[learnt]
    steps: list[tuple[str, Any]] = [("scale", StandardScaler()), ("regression", regression)]
    if len(labels) * len(np.unique(labels)) > MANY_LOGITS:
        # The covariance of all features takes less time than a few steps of the solver on them.
        components = PCA(min(COMPONENTS, *features.shape), svd_solver="covariance_eigh")
        steps.insert(1, ("reduce", components))
    model: Any = Pipeline(steps)
    return model.fit(features, labels)


def sample_evenly(
    rows: Int[np.ndarray, " rows"],
    labels: Shaped[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    most: int,
) -> Int[np.ndarray, " sampled"]:
    """Draw at most `most` rows, with the same limit for every label, by the hash of their groups."""
    if len(rows) <= most:
        return rows
    names, codes, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)
    # The largest limit with which the labels together stay within `most`.
    limits = np.arange(1, most + 1)
    below = np.concatenate([[0], np.cumsum(np.sort(counts))])
    smaller = np.searchsorted(np.sort(counts), limits, "right")
    totals = below[smaller] + limits * (len(names) - smaller)
    limit = max(int((totals <= most).sum()), 1)
    chance = np.array([uniform_hash(str(group), "fit") for group in groups[rows]])
    order = np.lexsort([chance, codes])
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows[np.sort(order[ranks < limit])]


def score_labels(images: Labelled) -> LabelQuality:
    """Predict each image out of fold, and compare the prediction with its label."""
    n, labels, chance = len(images.labels), images.labels, 1.0
    quality, confidence = np.full(n, np.nan), np.full(n, np.nan)
    looks_like, rival = np.full(n, "", object), np.full(n, "", object)
    for rows, classes, probabilities in predict_out_of_fold(images):
        place = {str(name): i for i, name in enumerate(classes)}
        given = np.array([place.get(str(label), -1) for label in labels[rows]])
        labelled, chance = given >= 0, 1 / max(len(classes), 1)
        confidence[rows] = probabilities.max(axis=1)
        looks_like[rows] = classes[probabilities.argmax(axis=1)]
        if labelled.any():
            quality[rows[labelled]] = get_label_quality_scores(
                given[labelled], probabilities[labelled], method="self_confidence"
            )
            probabilities[labelled, given[labelled]] = -1
        rival[rows] = classes[probabilities.argmax(axis=1)]
    return LabelQuality(quality, confidence, looks_like, rival, chance)


def _labels_of(labels: Shaped[np.ndarray, " n"]) -> list[str]:
    return sorted({str(label) for label in labels})


def label_similarity(images: Labelled) -> Float64[np.ndarray, " n"]:
    """Compare the similarity of images to their label's nearest images with the median of the label.

    Returns:
        robust standard deviations above the median; 0 for images that are not compared, or have none to be
        compared with.
    """
    labels, usable = images.labels, images.usable
    deviations = np.zeros(len(labels))
    by_label = [
        np.flatnonzero(usable & (labels == label)) for label in _labels_of(labels[usable & (labels != "")])
    ]
    compared = [rows for rows in by_label if len(rows) > NEIGHBOURS]
    found = in_turn(partial(_similarity_to_nearest, images), compared, "compare labels", images.scale)
    for rows, nearest in zip(compared, found, strict=True):
        if np.isnan(nearest).all():
            continue
        centred = nearest - np.nanmedian(nearest)
        spread = 1.4826 * float(np.nanmedian(np.abs(centred)))
        deviations[rows] = np.nan_to_num(centred) / max(spread, np.finfo(np.float32).eps)
    return deviations


def _similarity_to_nearest(images: Labelled, rows: Int[np.ndarray, " rows"]) -> Float64[np.ndarray, " rows"]:
    """Return the mean similarity of images of one label to the nearest ones of other groups, or NaN."""
    groups = np.unique(images.groups[rows], return_inverse=True)[1]
    others = sample_evenly(rows, images.labels, images.groups, COMPARED_MAX)
    groups_of_others = groups[np.searchsorted(rows, others)]
    unit = unit_vectors(images.features[others])
    nearest = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        with threadpool_limits(1):
            similarity = unit_vectors(images.features[block]) @ unit.T
        similarity[groups[start : start + BLOCK, None] == groups_of_others] = -np.inf
        highest = np.sort(np.partition(similarity, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:], axis=1)
        # A large group of the user's may leave fewer images of other groups, or none.
        there = np.isfinite(highest)
        total = np.where(there, highest, 0).sum(axis=1)
        nearest[start : start + BLOCK] = np.where(
            there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan
        )
    return nearest


def find_label_errors(
    images: Labelled, droppable: Bool[np.ndarray, " n"], min_quality: float
) -> tuple[LabelQuality, LabelErrors]:
    """Score labels, and find those to drop: improbable ones, if other images gain by it.

    Suspects have a label quality below `min_quality` times chance, or a little more if they do not resemble
    other images of their label. A label with more suspects than MAX_DROPPED keeps all of them, and so does a
    label for which other images do not become more probable, out of fold, when all suspects are left out of
    the fits.

    Args:
        images: with the labels to check.
        droppable: the images that may be dropped.
        min_quality: relative to chance.
    """
    labels, usable = images.labels, images.usable
    scores = score_labels(images)
    threshold = min_quality * scores.chance
    unlike = label_similarity(images) < -DEVIATIONS
    with np.errstate(invalid="ignore"):
        outlying = unlike & (scores.quality < min(OUTLIER_LENIENCY * threshold, MAX_OUTLIER_QUALITY))
        suspect = usable & droppable & ((scores.quality < threshold) | outlying)
    off: dict[str, str] = {}
    for label in _labels_of(labels[suspect]):
        of_label = labels == label
        count, total = int((suspect & of_label).sum()), int((usable & of_label).sum())
        limit = int(MAX_DROPPED * total)
        if count > limit:
            off[label] = f"it would drop {count} of {total} images, more than the limit of {limit}"
            suspect &= ~of_label
    found = gains(images, suspect, scores)
    for label, gain in found.items():
        # An outlier has other evidence against it, so it goes unless that does harm.
        staying = suspect & (labels == label) & (~outlying | (gain < -MIN_GAIN))
        if gain <= MIN_GAIN and staying.any():
            off[label] = (
                f"dropping {int(staying.sum())} images does not help: "
                f"the out-of-fold log-likelihood of other images changes by {gain:+.3f}"
            )
            suspect &= ~staying
    confident = (scores.confidence >= MIN_CONFIDENCE) & (scores.looks_like != labels)
    reason = np.where(suspect, np.where(confident, LABEL_ERROR, OUTLIER), "")
    return scores, LabelErrors(reason, off)


def gains(images: Labelled, suspect: Bool[np.ndarray, " n"], scores: LabelQuality) -> dict[str, float]:
    """Measure, for each label with suspects, whether other images gain if all suspects are left out.

    Both models predict the same images in the same folds: those that are used and not suspect. The gain is
    the mean of two sides with equal weight: the images of the label, and those of the labels that its
    suspects look like. The first side alone may lose although labels are wrong, as its rivals get more
    probable; the second side alone gains even if the suspects are right.

    Args:
        images: with the labels to check.
        suspect: the images to leave out.
        scores: by the models that are fitted to the suspects, too.

    Returns:
        the mean gain in log-likelihood, by label.
    """
    if not suspect.any():
        return {}
    labels, compared = images.labels, images.usable & ~suspect
    before, after = (
        np.log(np.maximum(quality, SMALLEST))
        for quality in (scores.quality, score_labels(images.without(suspect)).quality)
    )
    of_label = {
        label: float((after - before)[compared & (labels == label)].mean())
        for label in _labels_of(labels[images.usable & (labels != "")])
    }
    found: dict[str, float] = {}
    for label in _labels_of(labels[suspect]):
        rivals = scores.rival[suspect & (labels == label)]
        found[label] = float(of_label[label] + np.array([of_label[rival] for rival in rivals]).mean()) / 2
    return found
