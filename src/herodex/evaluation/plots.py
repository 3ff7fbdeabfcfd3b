"""Plots of the classifier's evaluation."""

import numpy as np
import pandas as pd
from jaxtyping import Int
from matplotlib.figure import Figure

from herodex.evaluation.metrics import MANY_ANSWERS
from herodex.plotting import drawable, interval_figure
from herodex.statistics import Estimate

MOST_SHOWN = 20
"""Labels of a confusion matrix, if there are too many for all."""


def confusion_figure(counts: Int[np.ndarray, "actual predicted"], labels: list[str], title: str) -> Figure:
    """Draw a confusion matrix, coloured by the share of each row; of many labels, those with most errors."""
    if len(labels) > MANY_ANSWERS:
        title += f"\nthe {MOST_SHOWN} of {len(labels)} answers with most errors"
    counts, labels = most_confused(counts, labels)
    side = 2.2 + 0.75 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    names = [drawable(label) for label in labels]
    axes.set_xticks(range(len(labels)), names, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), names)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    return figure


def most_confused(
    counts: Int[np.ndarray, "actual predicted"], labels: list[str]
) -> tuple[Int[np.ndarray, "shown shown"], list[str]]:
    """Keep the labels with most errors, and add the others up, if there are more than 30 labels.

    Args:
        counts: of images by actual and predicted label.
        labels: of rows and columns.
    """
    if len(labels) <= MANY_ANSWERS:
        return counts, labels
    errors = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    chosen = np.sort(np.argsort(-errors, kind="stable")[:MOST_SHOWN])
    place = np.full(len(labels), len(chosen))
    place[chosen] = np.arange(len(chosen))
    found = np.zeros((len(chosen) + 1,) * 2, int)
    np.add.at(found, (place[:, None], place[None, :]), counts)
    return found, [*(labels[i] for i in chosen), f"{len(labels) - len(chosen)} others"]


def curves_figure(roc: pd.DataFrame, precision_recall: pd.DataFrame, title: str) -> Figure:
    """Draw each label's ROC curve and precision-recall curve, against all other labels."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    for label, curve in roc.groupby("label", sort=False):
        left.plot(curve["false_positive_rate"], curve["true_positive_rate"], label=drawable(str(label)))
    for label, curve in precision_recall.groupby("label", sort=False):
        right.plot(curve["recall"], curve["precision"], label=drawable(str(label)))
    left.plot([0, 1], [0, 1], color="grey", linestyle=":")
    left.set(xlabel="false positive rate", ylabel="true positive rate")
    right.set(xlabel="recall", ylabel="precision")
    left.legend()
    return figure


def reliability_figure(bins: pd.DataFrame, risk: pd.DataFrame, title: str) -> Figure:
    """Draw the reliability diagram with 95 % intervals, and the risk-coverage curve.

    Args:
        bins: `confidence`, `accuracy`, `low`, `high`, `n`.
        risk: `coverage`, `risk`.
        title: of the figure.
    """
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="grey", linestyle=":")
    errors = [bins["accuracy"] - bins["low"], bins["high"] - bins["accuracy"]]
    left.errorbar(bins["confidence"], bins["accuracy"], yerr=errors, fmt="o", capsize=3, color="tab:blue")
    for confidence, n in zip(bins["confidence"], bins["n"], strict=True):
        left.text(confidence, 0.01, f"n = {n}", rotation=90, ha="center", va="bottom", fontsize=8)
    left.set(
        xlabel="probability of the answer, in bins of 0.1",
        ylabel="share that is correct, with 95 % interval",
        xlim=(0, 1.04),
        ylim=(0, 1.05),
    )
    right.plot(risk["coverage"], risk["risk"])
    right.set(
        xlabel="coverage, the most certain answers first", ylabel="risk: share that is wrong", xlim=(0, 1)
    )
    right.set_ylim(bottom=0)
    return figure


def comparison_figure(estimates: dict[str, Estimate]) -> Figure:
    """Draw proportions with their intervals one below the other."""
    figure, axes = interval_figure(estimates, "share")
    # Room for the figures of shares of 0 and 1.
    axes.set(xlim=(-0.05, 1.05))
    return figure
