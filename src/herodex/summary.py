"""Print the main results of a pipeline run."""

import argparse
import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
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
        f"correct answers to {metrics['answers']}": metrics["accuracy"],
        "the same, with images set aside": metrics.get("as_crawled", {}).get("accuracy"),
        "baseline on colour histograms": metrics["baseline"]["accuracy"],
        "images of the classes rejected": metrics["ood"]["false_reject_rate"],
        "unseen similar things accepted": ood.get("false_accept_rate"),
        "sets that hold the true answer": metrics["sets"]["coverage"],
    }
    lines = [f"  {name:<43} {interval(found)}" for name, found in rows.items() if found]
    title = f"Classifier   {backbone['name']}, {backbone['weights']} weights from {backbone['source']}"
    return "\n".join(["", title, *lines, *advice(ood), ""])


def advice(ood: dict[str, Any]) -> list[str]:
    """Say what a distractor would do, from the figures of left-out queries."""
    if "false_accept_rate" not in ood:
        return ["  Nothing tells how many similar things are accepted: add distractors to params.yaml."]
    worst = ood["worst_left_out"]
    name, rate, taken_for = worst["label"], worst["false_accept_rate"]["value"], worst["taken_for"]
    return [
        f"  If {name} were not among the searches, {rate:.0%} would be accepted, most as {taken_for}.",
        "  Add what people may confuse with your classes to `distractors`; validation.json rates each.",
    ]


def describe_generator(metrics: dict[str, Any]) -> str:
    """Format the generator's main metrics, after some sample names."""
    with (paths.GENERATOR_REPORTS / "samples.csv").open(encoding="utf-8", newline="") as file:
        samples = [describe_sample(row) for row in csv.DictReader(file)][:8]
    return f"""
Names        {", ".join(samples)}
  nats per character, {metrics["method"]:<18}{interval(metrics["nats"])}
  trigram model                         {interval(metrics["trigram"])}
  cross-validation                      {interval(metrics["cross_validation"]["nats"])}
  (lower is better)
"""


def describe_sample(row: dict[str, str]) -> str:
    """Format a sampled name; mark one that exists already."""
    return row["name"] if row["status"] == "new" else f"{row['name']} (real)"


PARTS: dict[str, tuple[Callable[..., str], Path, tuple[str, ...]]] = {
    "classifier": (describe_classifier, paths.CLASSIFIER_REPORTS, ("metrics.json", "validation.json")),
    "generator": (describe_generator, paths.GENERATOR_REPORTS, ("metrics.json",)),
}
"""For each half, what describes it, and the reports that it describes."""
NEXT = """
Look         reports/index.html has all metrics and plots; `make ui` shows the runs
Serve        make serve, then open http://localhost:3000
"""


def read_json(file: Path) -> dict[str, Any]:
    """Read a report."""
    return json.loads(file.read_text(encoding="utf-8"))


def main() -> None:
    """Print the summary of the last run, or of one half of it that an argument names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS)
    only = parser.parse_args().part
    try:
        texts = [
            describe(*(read_json(folder / file) for file in files))
            for name, (describe, folder, files) in PARTS.items()
            if only in {None, name}
        ]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing.", "Run `make run`.") from None
    sys.stdout.write("".join(texts) + NEXT)


if __name__ == "__main__":
    run_command(main)
