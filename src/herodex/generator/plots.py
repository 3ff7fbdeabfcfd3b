"""Plots of training, cross-entropy and name lengths."""

from collections import Counter
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from herodex.plotting import interval_figure
from herodex.statistics import Estimate

UNIT = "nats per character"


def history_figure(history: pd.DataFrame) -> Figure:
    """Plot training and validation cross-entropy by epoch, and mark the best epoch."""
    figure, axes = _subplots()
    axes.plot(history["epoch"], history["train_nats"], label="training, with dropout")
    axes.plot(history["epoch"], history["validation_nats"], label="validation")
    best = int(history["epoch"].iloc[int(np.argmin(history["validation_nats"]))])
    axes.axvline(best, color="grey", linestyle=":", label="best epoch")
    axes.set(xlabel="epoch", ylabel=UNIT)
    axes.legend()
    return figure


def nats_figure(figures: dict[str, Estimate], uniform: float) -> Figure:
    """Plot cross-entropies with their intervals beside that of a uniform distribution."""
    figure, plotted = interval_figure(figures, f"{UNIT} (lower is more likely)")
    axes = cast(Any, plotted)
    axes.axvline(uniform, color="grey", linestyle=":", label=f"uniform distribution, {uniform:.2f}")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def lengths_figure(real: list[str], sampled: dict[float, list[str]]) -> Figure:
    """Plot the length distributions of real names and of names sampled at some temperatures."""
    figure, axes = _subplots()
    axes.bar(*_shares(real), color="lightgrey", label=f"real, {len(real)} names")
    for temperature, names in sampled.items():
        axes.plot(*_shares(names), marker=".", label=f"sampled at {temperature:g}, {len(names)} names")
    axes.set(xlabel="characters", ylabel="share of names")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def _subplots() -> tuple[Figure, Any]:
    # `Any`, because Matplotlib's annotations leave keyword arguments untyped.
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    return figure, figure.subplots()


def _shares(names: list[str]) -> tuple[list[int], list[float]]:
    counts = Counter(map(len, names))
    lengths = list(range(min(counts), max(counts) + 1))
    return lengths, [counts[length] / len(names) for length in lengths]
