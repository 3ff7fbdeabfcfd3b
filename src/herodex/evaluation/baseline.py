"""Baseline: a linear classifier of colour histograms."""

from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

BINS = 8
"""Levels of each colour channel."""
MANY_LOGITS, SHRINKAGE = 2_000_000, 0.5
"""Images times labels beyond which the classifier is a closed form, and the shrinkage of its covariance."""


def colour_histogram(pixels: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, " colours"]:
    """Compute the share of each of BINS³ colours among an image's pixels."""
    levels = (pixels.reshape(-1, 3) // (256 // BINS)).astype(int)
    colours = levels @ np.array([BINS * BINS, BINS, 1])
    return np.bincount(colours, minlength=BINS**3) / len(colours)


def colour_histograms(
    files: Iterable[str], read: Callable[[str], np.ndarray]
) -> Float[np.ndarray, "n colours"]:
    """Compute the histograms of images, which `read` reads one at a time by their names."""
    return np.stack([colour_histogram(read(file)) for file in files])


def predict_by_colour(
    train: Float[np.ndarray, "n colours"],
    labels: Shaped[np.ndarray, " n"],
    test: Float[np.ndarray, "m colours"],
    seed: int,
) -> Shaped[np.ndarray, " m"]:
    """Fit a linear classifier to the histograms of `train`, and predict the labels of `test`.

    It is logistic regression, or linear discriminant analysis for many images and labels.
    """
    if len(labels) * len(np.unique(labels)) > MANY_LOGITS:
        linear = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=SHRINKAGE)
    else:
        linear = LogisticRegression(C=0.01, max_iter=2000, random_state=seed)
    model = make_pipeline(StandardScaler(), linear)
    model.fit(train, labels)
    return np.asarray(model.predict(test))


def cross_predict_by_colour(
    histograms: Float[np.ndarray, "n colours"],
    labels: Shaped[np.ndarray, " n"],
    groups: Shaped[np.ndarray, " n"],
    folds: int,
    seed: int,
) -> Shaped[np.ndarray, " n"]:
    """Predict each image's label by a classifier of the histograms of the other folds' groups."""
    predicted = np.empty_like(labels)
    splits = GroupKFold(min(folds, len(np.unique(groups))))
    for learnt, held_out in splits.split(histograms, groups=groups):
        predicted[held_out] = predict_by_colour(
            histograms[learnt], labels[learnt], histograms[held_out], seed
        )
    return predicted
