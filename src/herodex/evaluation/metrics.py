"""Figures of a classifier, each with its count and a 95 % interval."""

import numpy as np
import pandas as pd

from herodex.statistics import Estimate, share


def accuracy(actual: np.ndarray, predicted: np.ndarray) -> Estimate:
    """The share of labels [n] that are predicted right."""
    return share(int((actual == predicted).sum()), len(actual))


def calibration(actual: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> pd.DataFrame:
    """Compare how sure answers are with how often they are right.

    Args:
        actual: the true labels' positions, int [n].
        probabilities: float [n, labels].
        bins: of equal width, from 0 to 1.

    Returns:
        a table of the bins that hold an image: `confidence` (the mean), `accuracy`, `n`.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == actual
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    table = pd.DataFrame({"bin": place, "confidence": confidence, "accuracy": right, "n": 1})
    grouped = table.groupby("bin").agg({"confidence": "mean", "accuracy": "mean", "n": "sum"})
    return grouped.reset_index(drop=True).round(6)


def expected_calibration_error(table: pd.DataFrame) -> float:
    """The mean distance of confidence and accuracy over bins, by their images (Naeini et al. 2015)."""
    weight = table["n"] / table["n"].sum()
    return round(float((weight * (table["confidence"] - table["accuracy"]).abs()).sum()), 6)


def brier_score(actual: np.ndarray, probabilities: np.ndarray) -> float:
    """The mean squared distance of probabilities [n, labels] from what is true, int [n], from 0 to 2."""
    truth = np.eye(probabilities.shape[1])[actual]
    return round(float(((probabilities - truth) ** 2).sum(axis=1).mean()), 6)


def risk_coverage(right: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    """Say how often answers are wrong if only the surest are given.

    Args:
        right: bool [n].
        score: float [n], the surer the higher.

    Returns:
        a table of `coverage`, the share of images that get an answer, and `risk`, the share of those
        answers that is wrong.
    """
    order = np.argsort(-score, kind="stable")
    answered = np.arange(1, len(order) + 1)
    risk = np.cumsum(~right[order]) / answered
    return pd.DataFrame({"coverage": answered / len(order), "risk": risk}).round(6)
