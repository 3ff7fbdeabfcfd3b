"""What all plots share: how intervals are drawn, and how figures are saved."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from herodex.statistics import Estimate


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, the same bytes each time: without the version of the library in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def interval_figure(figures: dict[str, Estimate], unit: str) -> tuple[Figure, Axes]:
    """Draw measured figures with their 95 % intervals below each other; `unit` says what the axis shows."""
    figure = Figure(figsize=(7.5, 1.4 + 0.42 * len(figures)), layout="constrained")
    axes = figure.subplots()
    for row, measured in enumerate(figures.values()):
        value = measured["value"]
        error = [[value - measured["low"]], [measured["high"] - value]]
        axes.errorbar(value, row, xerr=error, fmt="o", capsize=3, color="tab:blue")
        axes.annotate(f"{value:.2f}", (value, row), (0, 6), textcoords="offset points", ha="center")
    names = [f"{name} (n = {measured['n']})" for name, measured in figures.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.set(xlabel=f"{unit}, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return figure, axes
