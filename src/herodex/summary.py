"""Print the main results of a pipeline run."""

import csv
import json
import sys
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError


def interval(estimate: dict[str, float], digits: int = 3) -> str:
    """Format an estimate: 0.912 [0.884, 0.935], n = 503."""
    low, high = (f"{estimate[bound]:.{digits}f}" for bound in ("low", "high"))
    return f"{estimate['value']:.{digits}f} [{low}, {high}], n = {estimate['n']}"


def describe(classifier: dict[str, Any], generator: dict[str, Any], samples: list[str]) -> str:
    """Format the main metrics of both models, some sample names, and the next commands."""
    backbone = classifier["backbone"]
    return f"""
Classifier   {backbone["name"]}, {backbone["weights"]} weights from {backbone["source"]}
  correct answers on the test split   {interval(classifier["accuracy"])}
  baseline on colour histograms       {interval(classifier["baseline"]["accuracy"])}
  images of the classes rejected      {interval(classifier["ood"]["false_reject_rate"])}
  sets that hold the true answer      {interval(classifier["sets"]["coverage"])}

Names        {", ".join(samples)}
  nats per character, {generator["method"]:<18}{interval(generator["nats"])}
  trigram model                         {interval(generator["trigram"])}
  cross-validation                      {interval(generator["cross_validation"]["nats"])}
  (lower is better)

Look         reports/index.html has all metrics and plots; `make ui` shows the runs
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
