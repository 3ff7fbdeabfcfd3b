"""What a run of the pipeline came to, in a few lines."""

import csv
import json
import sys
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError


def interval(figure: dict[str, float], digits: int = 3) -> str:
    """Word a figure with its interval and count: 0.912 [0.884, 0.935], n = 503."""
    low, high = (f"{figure[bound]:.{digits}f}" for bound in ("low", "high"))
    return f"{figure['value']:.{digits}f} [{low}, {high}], n = {figure['n']}"


def describe(classifier: dict[str, Any], generator: dict[str, Any], samples: list[str]) -> str:
    """Word both models' metrics, some sample names, and what to do next."""
    backbone = classifier["backbone"]
    return f"""
Classifier   {backbone["name"]}, {backbone["weights"]} weights from {backbone["source"]}
  accuracy on the test part        {interval(classifier["accuracy"])}
  of a colour histogram            {interval(classifier["baseline"]["accuracy"])}
  of the classes among themselves  {interval(classifier["accuracy_known"])}

Names        {", ".join(samples)}
  nats a character on the test part  {interval(generator["nats"])}
  of a trigram model                 {interval(generator["trigram"])}
  on names held out in training      {interval(generator["cross_validation"]["nats"])}

Look         reports/ has the figures and plots; `make ui` shows the runs
Serve        make serve, then open http://localhost:3000
"""


def main() -> None:
    """Print the summary of the last run."""
    try:
        classifier, generator = (
            json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
            for folder in (paths.CLASSIFIER_REPORTS, paths.GENERATOR_REPORTS)
        )
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing.", "Run `make run`.") from None
    with (paths.GENERATOR_REPORTS / "samples.csv").open(encoding="utf-8") as file:
        samples = [row["name"] for row in csv.DictReader(file)][:8]
    sys.stdout.write(describe(classifier, generator, samples))


if __name__ == "__main__":
    run_command(main)
