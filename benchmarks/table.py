"""Table and plot of all recorded ratios: `reports/bench.csv` and `bench.png`."""

import csv
import sys
from pathlib import Path

from matplotlib.figure import Figure as Plot

from benchmarks.bench_record import Figure, read_record
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.plotting import save_figure

CSV = paths.REPORTS / "bench.csv"
PNG = paths.REPORTS / "bench.png"


def cpu_name() -> str:
    """Return the model name of the CPU."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def draw(figures: list[Figure], cpu: str) -> Plot:
    """Plot the ratios on a logarithmic scale, with minimum and maximum over rounds."""
    plot = Plot(figsize=(9, 1.2 + 0.5 * len(figures)), layout="constrained")
    axes = plot.subplots()
    for row, figure in enumerate(figures):
        low, high = figure["ratio"] - figure["low"], figure["high"] - figure["ratio"]
        axes.errorbar(figure["ratio"], row, xerr=[[low], [high]], fmt="o", capsize=3, color="tab:blue")
        axes.annotate(
            f"{figure['ratio']:.3g}",
            (figure["ratio"], row),
            (0, 6),
            textcoords="offset points",
            ha="center",
            # A white box, so that the line at 1 does not cross the number.
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    axes.set_yticks(range(len(figures)), [figure["figure"] for figure in figures], fontsize=8)
    axes.set_ylim(len(figures) - 0.5, -0.8)
    axes.set(xscale="log", xlabel="ratio, with minimum and maximum over rounds", title=cpu)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.axvline(1, color="grey", linestyle=":")
    axes.grid(axis="x", alpha=0.3)
    return plot


def main() -> None:
    """Print the table, and write it with its plot."""
    figures = read_record()
    if not figures:
        raise UserError("No benchmark has run.", "Run `make bench`.")
    cpu = cpu_name()
    CSV.parent.mkdir(parents=True, exist_ok=True)
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*figures[0], "cpu"], lineterminator="\n")
        writer.writeheader()
        for figure in figures:
            rounded = {name: round(value, 4) for name, value in figure.items() if isinstance(value, float)}
            writer.writerow({**figure, **rounded, "cpu": cpu})
    save_figure(draw(figures, cpu), PNG)
    width = max(len(figure["figure"]) for figure in figures)
    sys.stdout.write(f"\n{cpu}\n{'figure':{width}}  {'ratio':>8}  {'min–max, rounds':>17}\n")
    for figure in figures:
        spread = f"{figure['low']:.3g}–{figure['high']:.3g}"
        ratio, rounds = figure["ratio"], figure["rounds"]
        sys.stdout.write(f"{figure['figure']:{width}}  {ratio:8.3g}  {spread:>13} {rounds:>3}\n")


if __name__ == "__main__":
    run_command(main)
