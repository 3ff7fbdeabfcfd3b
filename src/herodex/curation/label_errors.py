"""Labels that the features do not bear out: confident learning (Northcutt, Jiang, Chuang 2021).

Each image is judged by a model that has seen neither it nor any copy of it; cleanlab scores its label by
that model's probabilities.
"""

from dataclasses import dataclass

import numpy as np
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from herodex.hashing import position

REGULARISATION = 0.003
"""Inverse weight of the L2 penalty of the judging model: few images, many features."""


@dataclass(frozen=True)
class LabelQuality:
    """What the features say of each image [n]; NaN and "" where nothing is to be judged.

    Attributes:
        quality: of the label, from 0 (it is out of the question) to 1 (it is certain).
        certainty: the probability of the likeliest label.
        looks_like: that label.
        chance: the probability that a label has by chance.
    """

    quality: np.ndarray
    certainty: np.ndarray
    looks_like: np.ndarray
    chance: float


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, clusters: np.ndarray, known: np.ndarray, folds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Let logistic regression, fitted to the other folds, say what each image shows.

    A cluster's fold depends on its id alone, so that copies are judged by the same model.

    Args:
        features: float32 [n, channels].
        labels: text [n]; "" where an image has none.
        clusters: ids [n].
        known: bool [n], the images to learn from.
        folds: how many models are fitted.

    Returns:
        the labels [classes], sorted, and their probabilities [n, classes], NaN where there was no model.
    """
    taught = known & (labels != "")
    classes = np.array(sorted(set(labels[taught])), dtype=str)
    fold = np.array([int(folds * position(cluster, "fold")) for cluster in clusters], int)
    probabilities = np.full((len(labels), len(classes)), np.nan)
    for held_out in range(folds):
        train, judged = taught & (fold != held_out), fold == held_out
        if not judged.any() or len(set(labels[train])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500))
        # On several threads sums would come out in another order, and other digits with them.
        with threadpool_limits(1):
            model.fit(features[train], labels[train])
            columns = np.searchsorted(classes, model.classes_)
            probabilities[judged] = 0
            probabilities[np.ix_(judged, columns)] = model.predict_proba(features[judged])
    return classes, probabilities


def judge(
    features: np.ndarray, labels: np.ndarray, clusters: np.ndarray, known: np.ndarray, folds: int
) -> LabelQuality:
    """Score the label of every image by a model that has not seen it; the arguments are `out_of_fold`'s."""
    classes, probabilities = out_of_fold(features, labels, clusters, known, folds)
    n, place = len(labels), {str(name): i for i, name in enumerate(classes)}
    quality, certainty, looks_like = np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", object)
    judged = ~np.isnan(probabilities).any(axis=1) if len(classes) else np.zeros(n, bool)
    labelled = judged & np.array([label in place for label in labels], bool)
    if labelled.any():
        given = np.array([place[label] for label in labels[labelled]])
        quality[labelled] = get_label_quality_scores(given, probabilities[labelled], method="self_confidence")
    if judged.any():
        certainty[judged] = probabilities[judged].max(axis=1)
        looks_like[judged] = classes[probabilities[judged].argmax(axis=1)]
    return LabelQuality(quality, certainty, looks_like, 1 / max(len(classes), 1))
