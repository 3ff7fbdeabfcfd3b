"""Cost of a million images: CPU hours by stage, and hours on several machines.

`python -m benchmarks.cost` prints the tables of `docs/scale.md` from two files beside this script:
`scaling.csv` (stages that prepare images, its largest size) and `cost.csv` (the others). It assumes that
stages are linear in the number of images, as they are from 1,000 to 100,000 images, and that several machines
have no overhead.
"""

import csv
import sys
from pathlib import Path
from typing import NamedTuple

from herodex.command import run_command

MILLION = 1_000_000
CORES = 16
"""Cores of a machine."""
MACHINES = (1, 4, 64)
FOLDER = Path(__file__).parent
MEASURED = {"curate_images": "curate", "split_images": "split"}
"""Names of the steps of `scaling.csv`; it cleans small images and embeds them by a small network."""
PREPARING = ("crawl", "clean", "embed", "curate", "split")
"""Stages from a search to the training images, in order."""
ON_ONE_MACHINE = ("curate", "split")
"""Stages that compare all images with each other; they are counted as if they ran on one core."""


class Cost(NamedTuple):
    """CPU time of a stage for some images."""

    stage: str
    images: int
    cpu_s: float

    @property
    def ms(self) -> float:
        """Milliseconds of CPU for an image."""
        return 1000 * self.cpu_s / self.images

    @property
    def hours(self) -> float:
        """CPU hours for a million images."""
        return self.cpu_s / self.images * MILLION / 3600


def read_costs(folder: Path) -> dict[str, Cost]:
    """Read the measured costs by stage; those of the most images."""
    with (folder / "scaling.csv").open(encoding="utf-8", newline="") as file:
        steps = [
            Cost(MEASURED[row["step"]], int(row["images"]), float(row["cpu_s"]))
            for row in csv.DictReader(file)
            if row["step"] in MEASURED
        ]
    with (folder / "cost.csv").open(encoding="utf-8", newline="") as file:
        others = [Cost(row["stage"], int(row["images"]), float(row["cpu_s"])) for row in csv.DictReader(file)]
    return {cost.stage: cost for cost in (*sorted(steps, key=lambda cost: cost.images), *others)}


def stage_table(costs: dict[str, Cost]) -> list[str]:
    """Make the table of CPU hours by stage."""
    stages = (*PREPARING, *(stage for stage in costs if stage not in PREPARING))
    rows = [
        f"| {stage} | {costs[stage].images:,} | {costs[stage].ms:.3g} ms | {costs[stage].hours:.2g} |"
        for stage in stages
    ]
    head = ["| stage | measured on | CPU per image | CPU hours per million images |", "|---|---|---|---|"]
    return head + rows


def machine_table(costs: dict[str, Cost]) -> list[str]:
    """Make the table of hours from a search to a million training images."""
    alone = sum(costs[stage].hours for stage in ON_ONE_MACHINE)
    spread = sum(costs[stage].hours for stage in PREPARING) - alone
    serving = costs["classify over HTTP"].ms
    rows = [
        f"| {machines} | {machines * CORES:,} | {spread / machines / CORES:.2g} h | {alone:.2g} h "
        f"| {machines * CORES * 1000 / serving:,.0f} |"
        for machines in MACHINES
    ]
    head = [
        f"| machines of {CORES} cores | cores | crawl, clean, embed | curate, split "
        "| images classified per second |",
        "|---|---|---|---|---|",
    ]
    return head + rows


def tables(folder: Path = FOLDER) -> str:
    """Make both tables in Markdown."""
    costs = read_costs(folder)
    return "\n".join([*stage_table(costs), "", *machine_table(costs)])


def main() -> None:
    """Print the tables."""
    sys.stdout.write(tables() + "\n")


if __name__ == "__main__":
    run_command(main)
