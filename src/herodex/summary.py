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


def describe_classifier(metrics: dict[str, Any], validation: dict[str, Any]) -> str:
    """Format the classifier's main metrics, a line each.

    Args:
        metrics: of the evaluation.
        validation: of the training, with the false accepts of things that the model has not seen.
    """
    backbone, ood = metrics["backbone"], validation["ood"]
    rows = {
        f"correct answers, {metrics['answers']}": metrics["accuracy"],
        "the same, with images set aside": metrics.get("as_crawled", {}).get("accuracy"),
        "baseline on colour histograms": metrics["baseline"]["accuracy"],
        "images of the classes rejected": metrics["ood"]["false_reject_rate"],
        "unseen similar things accepted": ood.get("false_accept_rate"),
        "sets that hold the true answer": metrics["sets"]["coverage"],
    }
    lines = [f"  {name:<43} {interval(found)}" for name, found in rows.items() if found]
    title = f"Classifier   {backbone['name']}, {backbone['weights']} weights from {backbone['source']}"
    return "\n".join([title, *lines, *advice(ood)])


def advice(ood: dict[str, Any]) -> list[str]:
    """Say what a distractor would do, from the figures of left-out queries."""
    if "false_accept_rate" not in ood:
        return ["  Nothing tells how many similar things are accepted: add distractors to params.yaml."]
    worst = ood["worst_left_out"]
    name, rate = worst["label"], worst["false_accept_rate"]["value"]
    return [f"  Accepted most: {name}, {rate:.0%} if it were not among the searches. Add things like it."]


def describe(
    classifier: dict[str, Any], validation: dict[str, Any], generator: dict[str, Any], samples: list[str]
) -> str:
    """Format the main metrics of both models, some sample names, and the next commands."""
    return f"""
{describe_classifier(classifier, validation)}

Names        {", ".join(samples)}
  nats per character on the test split  {interval(generator["nats"])}
  trigram model                         {interval(generator["trigram"])}
  cross-validation                      {interval(generator["cross_validation"]["nats"])}
  (lower is better)

Look         reports/index.html has all metrics and plots; `make ui` shows the runs
Serve        make serve, then open http://localhost:3000
"""


def main() -> None:
    """Print the summary of the last run."""
    try:
        classifier, validation, generator = (
            json.loads(file.read_text(encoding="utf-8"))
            for file in (
                paths.CLASSIFIER_REPORTS / "metrics.json",
                paths.CLASSIFIER_REPORTS / "validation.json",
                paths.GENERATOR_REPORTS / "metrics.json",
            )
        )
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing.", "Run `make run`.") from None
    with (paths.GENERATOR_REPORTS / "samples.csv").open(encoding="utf-8") as file:
        samples = [row["name"] for row in csv.DictReader(file)][:8]
    sys.stdout.write(describe(classifier, validation, generator, samples))


if __name__ == "__main__":
    run_command(main)
