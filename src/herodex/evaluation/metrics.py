"""Metrics of a classifier."""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, Shaped

from herodex.statistics import Estimate, grouped_proportion

MANY_ANSWERS = 30
"""Answers up to which reports and plots show each one."""
LISTED = 10
"""Best and worst of more answers that are shown."""
ROWS_AT_A_TIME = 4096
"""Rows of probabilities that a metric copies at a time."""


def accuracy(
    actual: Shaped[np.ndarray, " n"], predicted: Shaped[np.ndarray, " n"], groups: Shaped[np.ndarray, " n"]
) -> Estimate:
    """Estimate the share of correct predictions; images of one duplicate group are alike."""
    return grouped_proportion(actual == predicted, groups)


def calibration(
    actual: Int[np.ndarray, " n"],
    probabilities: Float[np.ndarray, "n answers"],
    groups: Shaped[np.ndarray, " n"],
    bins: int = 10,
) -> pd.DataFrame:
    """Compare confidence with accuracy in bins of equal width from 0 to 1.

    Args:
        actual: the true answers.
        probabilities: of the answers.
        groups: the duplicate group of each image.
        bins: their number.

    Returns:
        a table of the bins that hold an image: `confidence` (its mean), `accuracy` with the bounds `low` and
        `high` of its 95 % interval, and `n`.
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == actual
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows: list[dict[str, float]] = []
    for number in np.unique(place):
        found = grouped_proportion(correct[place == number], groups[place == number])
        row = {"confidence": float(confidence[place == number].mean()), "accuracy": found["value"]}
        rows.append(row | {bound: found[bound] for bound in ("low", "high", "n")})
    return pd.DataFrame(rows).round(6)


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Compute the mean gap between confidence and accuracy, weighted by images (Naeini et al. 2015)."""
    weight = table["n"] / table["n"].sum()
    return round(float((weight * (table["confidence"] - table["accuracy"]).abs()).sum()), 6)


def brier_score(actual: Int[np.ndarray, " n"], probabilities: Float[np.ndarray, "n answers"]) -> float:
    """Compute the mean squared distance of probabilities from the true answers, from 0 to 2."""
    distances = np.empty(len(actual))
    for start in range(0, len(actual), ROWS_AT_A_TIME):
        rows = slice(start, start + ROWS_AT_A_TIME)
        off = probabilities[rows].astype(np.float64)
        off[np.arange(len(off)), actual[rows]] -= 1
        distances[rows] = (off**2).sum(axis=1)
    return round(float(distances.mean()), 6)


def risk_coverage(correct: Bool[np.ndarray, " n"], score: Float[np.ndarray, " n"]) -> pd.DataFrame:
    """Compute the risk-coverage curve: the error rate if only the most certain answers are given.

    Args:
        correct: marks correct answers.
        score: higher for more certain answers.

    Returns:
        a table of `coverage`, the share of images with an answer, and `risk`, the error rate among them.
    """
    order = np.argsort(-score, kind="stable")
    answered = np.arange(1, len(order) + 1)
    risk = np.cumsum(~correct[order]) / answered
    return pd.DataFrame({"coverage": answered / len(order), "risk": risk}).round(6)


def extremes(recall: dict[str, Estimate]) -> dict[str, Estimate]:
    """Keep the recall of the 10 worst and the 10 best answers, if there are more than 30."""
    if len(recall) <= MANY_ANSWERS:
        return recall
    ordered = sorted(recall, key=lambda name: (recall[name]["value"], -recall[name]["n"]))
    return {name: recall[name] for name in [*ordered[:LISTED], *ordered[-LISTED:]]}
