"""The generator's plots, as PNGs that need no network to be looked at."""

from collections import Counter

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from herodex.plotting import interval_figure
from herodex.statistics import Estimate


def history_figure(history: pd.DataFrame) -> Figure:
    """Draw nats a character by epoch, for training and validation, with the epoch that was kept."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.plot(history["epoch"], history["train_nats"], label="training, with dropout")
    axes.plot(history["epoch"], history["validation_nats"], label="validation")
    best = int(history["epoch"].iloc[int(np.argmin(history["validation_nats"]))])
    axes.axvline(best, color="grey", linestyle=":", label="kept")
    axes.set(xlabel="epoch", ylabel="nats a character")
    axes.legend()
    return figure


def nats_figure(figures: dict[str, Estimate], uniform: float) -> Figure:
    """Draw nats a character with their intervals below each other, and where a uniform guess lies."""
    figure, axes = interval_figure(figures, "nats a character; less is better")
    axes.axvline(uniform, color="grey", linestyle=":", label=f"uniform guess, {uniform:.2f}")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1))
    return figure


def lengths_figure(real: list[str], sampled: dict[float, list[str]]) -> Figure:
    """Draw how long real names are, and names sampled at some temperatures, as shares of each."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.bar(*_shares(real), color="lightgrey", label=f"real, {len(real)} names")
    for temperature, names in sampled.items():
        axes.plot(*_shares(names), marker=".", label=f"sampled at {temperature:g}, {len(names)} names")
    axes.set(xlabel="characters", ylabel="share of names")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


def _shares(names: list[str]) -> tuple[list[int], list[float]]:
    counts = Counter(map(len, names))
    lengths = list(range(min(counts), max(counts) + 1))
    return lengths, [counts[length] / len(names) for length in lengths]
