"""Plots with confidence intervals, saved as reproducible PNGs."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from herodex.statistics import Estimate


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG without the library's version, so that its bytes repeat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120, metadata={"Software": None})


def interval_figure(estimates: dict[str, Estimate], unit: str) -> tuple[Figure, Axes]:
    """Draw estimates with their 95 % intervals one below the other; `unit` labels the axis."""
    figure = Figure(figsize=(7.5, 1.4 + 0.42 * len(estimates)), layout="constrained")
    axes = figure.subplots()
    for row, found in enumerate(estimates.values()):
        value = found["value"]
        error = [[value - found["low"]], [found["high"] - value]]
        axes.errorbar(value, row, xerr=error, fmt="o", capsize=3, color="tab:blue")
        axes.annotate(f"{value:.2f}", (value, row), (0, 6), textcoords="offset points", ha="center")
    names = [f"{name} (n = {found['n']})" for name, found in estimates.items()]
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.8)
    axes.set(xlabel=f"{unit}, with 95 % interval")
    axes.grid(axis="x", alpha=0.3)
    return figure, axes
