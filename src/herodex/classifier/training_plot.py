"""The plot of how the head was trained."""

import pandas as pd
from matplotlib.figure import Figure


def training_figure(
    history: pd.DataFrame, cross_validation: pd.DataFrame, strangers: pd.DataFrame, threshold: float
) -> Figure:
    """Draw how the head was trained: its loss, how its weight decay and how the threshold were chosen.

    Args:
        history: `epoch`, `loss`.
        cross_validation: `l2`, `log_loss`.
        strangers: `strange` 0 or 1, `score`.
        threshold: of the score, from which on an image is familiar.
    """
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(history["epoch"], history["loss"])
    left.set(xlabel="epoch", ylabel="loss, weight decay included", title="training")
    middle.plot(cross_validation["l2"], cross_validation["log_loss"], marker="o")
    middle.set(xlabel="weight decay", ylabel="log loss out of fold", xscale="log", title="cross-validation")
    span = (strangers["score"].min(), strangers["score"].max())
    for strange, name in ((0, "of a class"), (1, "left out of training")):
        scores = strangers["score"][strangers["strange"] == strange]
        right.hist(scores, bins=40, range=span, density=True, alpha=0.6, label=name)
    right.axvline(threshold, color="grey", linestyle=":", label="threshold")
    right.set(xlabel="familiarity", ylabel="density", title="strangers")
    right.legend()
    return figure
