"""Label quality from out-of-fold predictions: confident learning (Northcutt, Jiang, Chuang 2021).

Each image is scored by a model fitted without the image and its duplicates; cleanlab turns the predicted
probabilities into label quality.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from cleanlab.rank import get_label_quality_scores
from jaxtyping import Bool, Float32, Float64, Shaped
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from herodex.hashing import uniform_hash

REGULARISATION = 0.003
"""scikit-learn's C, small because there are few images and many features."""


@dataclass(frozen=True)
class LabelQuality:
    """Label quality of each image; NaN or empty without a label or a model.

    Attributes:
        quality: probability of the given label, from 0 (worst) to 1.
        confidence: probability of the most probable label.
        looks_like: the most probable label.
        chance: probability of a label under a uniform guess.
    """

    quality: Float64[np.ndarray, " n"]
    confidence: Float64[np.ndarray, " n"]
    looks_like: Shaped[np.ndarray, " n"]
    chance: float


def predict_out_of_fold(
    features: Float32[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    usable: Bool[np.ndarray, " n"],
    folds: int,
) -> tuple[Shaped[np.ndarray, " classes"], Float64[np.ndarray, "n classes"]]:
    """Predict each image by logistic regression fitted to the other folds.

    The fold depends on the duplicate group's id alone, so duplicates share a fold.

    Args:
        features: one row per image.
        labels: empty if an image has none.
        groups: ids of the duplicate groups.
        usable: the images to fit to.
        folds: number of models.

    Returns:
        the sorted labels, and their probabilities, NaN if no model could be fitted.
    """
    fitted = usable & (labels != "")
    classes = np.array(sorted(set(labels[fitted])), dtype=str)
    fold = np.array([int(folds * uniform_hash(group, "fold")) for group in groups], int)
    probabilities = np.full((len(labels), len(classes)), np.nan)
    for held_out in range(folds):
        train, test = fitted & (fold != held_out), fold == held_out
        if not test.any() or len(set(labels[train])) < 2:
            continue
        scale, regression = StandardScaler(), LogisticRegression(C=REGULARISATION, max_iter=500)
        model: Any = Pipeline([("scale", scale), ("regression", regression)])
        # Several threads would add in another order and change the last digits.
        with threadpool_limits(1):
            model.fit(features[train], labels[train])
            known: list[str] = model.classes_.tolist()
            columns = np.searchsorted(classes, known)
            probabilities[test] = 0
            probabilities[np.ix_(test, columns)] = model.predict_proba(features[test])
    return classes, probabilities


def score_labels(
    features: Float32[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    usable: Bool[np.ndarray, " n"],
    folds: int,
) -> LabelQuality:
    """Score every label by `predict_out_of_fold`, which has the same arguments."""
    classes, probabilities = predict_out_of_fold(features, labels, groups, usable, folds)
    n, place = len(labels), {str(name): i for i, name in enumerate(classes)}
    quality, confidence, looks_like = np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", object)
    predicted = ~np.isnan(probabilities).any(axis=1) if len(classes) else np.zeros(n, bool)
    labelled = predicted & np.array([label in place for label in labels], bool)
    if labelled.any():
        given = np.array([place[label] for label in labels[labelled]])
        quality[labelled] = get_label_quality_scores(given, probabilities[labelled], method="self_confidence")
    if predicted.any():
        confidence[predicted] = probabilities[predicted].max(axis=1)
        looks_like[predicted] = classes[probabilities[predicted].argmax(axis=1)]
    return LabelQuality(quality, confidence, looks_like, 1 / max(len(classes), 1))
