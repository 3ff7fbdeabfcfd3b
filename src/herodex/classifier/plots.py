"""The classifier's plots, as PNGs that need no network to be looked at."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from herodex.figures import interval_figure
from herodex.measured import Measured


def confusion_figure(counts: np.ndarray, labels: list[str], title: str) -> Figure:
    """Draw a confusion matrix: `counts` int [actual, predicted], coloured by the share of each row."""
    side = 2.2 + 0.75 * len(labels)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=40, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    return figure


def history_figure(history: pd.DataFrame) -> Figure:
    """Draw loss and accuracy by epoch, for training and validation, with the epoch that was kept."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    best = int(history["epoch"].iloc[int(np.argmin(history["val_loss"]))])
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(history["epoch"], history[name], label="training")
        axes.plot(history["epoch"], history[f"val_{name}"], label="validation")
        axes.axvline(best, color="grey", linestyle=":", label="kept")
        axes.set(xlabel="epoch", ylabel=name)
        axes.legend()
    return figure


def curves_figure(roc: pd.DataFrame, precision_recall: pd.DataFrame, title: str) -> Figure:
    """Draw the ROC and the precision-recall curve of each label against all others."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    for label, curve in roc.groupby("label", sort=False):
        left.plot(curve["false_positive_rate"], curve["true_positive_rate"], label=str(label))
    for label, curve in precision_recall.groupby("label", sort=False):
        right.plot(curve["recall"], curve["precision"], label=str(label))
    left.plot([0, 1], [0, 1], color="grey", linestyle=":")
    left.set(xlabel="false positive rate", ylabel="true positive rate")
    right.set(xlabel="recall", ylabel="precision")
    left.legend()
    return figure


def comparison_figure(figures: dict[str, Measured]) -> Figure:
    """Draw measured shares with their intervals below each other, from 0 to 1."""
    figure, axes = interval_figure(figures, "share")
    axes.set(xlim=(0, 1.02))
    return figure
