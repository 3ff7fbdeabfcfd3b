"""Print the main results of a pipeline run."""

import argparse
import csv
import re
import sys
import textwrap
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from herodex import paths
from herodex.command import run_command
from herodex.json_record import read_json
from herodex.params import load_params

WIDTH = 88
MOST_WEAK = 5
"""Answers of low recall that are named; metrics.json has all."""


def interval(estimate: dict[str, float], digits: int = 3) -> str:
    """Format an estimate: 0.912 [0.884, 0.935], n = 503."""
    low, high = (f"{estimate[bound]:.{digits}f}" for bound in ("low", "high"))
    return f"{estimate['value']:.{digits}f} [{low}, {high}], n = {estimate['n']}"


Shown = Callable[[str], str]
"""Returns the text for a class or distractor."""


def describe_classifier(
    metrics: dict[str, Any], validation: dict[str, Any], clean: dict[str, Any], shown: Shown = str
) -> str:
    """Format the classifier's main metrics, a line each, then what to do about weak ones.

    Args:
        metrics: of the evaluation.
        validation: of the training, with the false accepts of things that the model has not seen.
        clean: of the cleaning, with warnings about small classes.
        shown: returns the text for a class or distractor.
    """
    backbone, ood = metrics["backbone"], validation["ood"]
    unseen = "unseen similar things" if has_distractors(metrics, ood) else "classes left out in turn"
    rows = {
        f"correct answers to {metrics['answers']}": metrics["accuracy"],
        "the same, with images set aside": metrics.get("as_crawled", {}).get("accuracy"),
        "mean recall of the answers": metrics["balanced_accuracy"],
        "baseline on colour histograms": metrics["baseline"]["accuracy"],
        "images of the classes rejected": metrics["ood"]["false_reject_rate"],
        f"{unseen} accepted": ood.get("false_accept_rate"),
        "sets that hold the true answer": metrics["sets"]["coverage"],
    }
    lines = [f"  {name:<43} {interval(found)}" for name, found in rows.items() if found]
    title = f"Classifier   {backbone['name']}, {backbone['weights']} weights from {backbone['source']}"
    sizes = [show_quoted(warning, metrics["recall"], shown) for warning in clean["class_sizes"]]
    notes = [*advice(metrics, ood, shown), *sizes, *weak_classes(metrics["recall"], shown)]
    return "\n".join(["", title, *lines, *(line for note in notes for line in wrap(note)), ""])


def wrap(note: str) -> list[str]:
    """Break a note into lines for a terminal."""
    return textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def show_quoted(warning: str, names: Iterable[str], shown: Shown) -> str:
    """Replace the classes that a warning has in quotes, before a count, by their texts."""
    quoted = "|".join(re.escape(name) for name in names)
    return re.sub(rf"'({quoted})'(?= \()", lambda found: f"'{shown(found[1])}'", warning)


def has_distractors(metrics: dict[str, Any], ood: dict[str, Any]) -> bool:
    """Tell whether the left-out queries are distractors; without any, they are the classes."""
    return not set(ood.get("left_out", {})) <= set(metrics["recall"])


def advice(metrics: dict[str, Any], ood: dict[str, Any], shown: Shown) -> list[str]:
    """Say what a distractor would do, from the figures of left-out queries."""
    if "false_accept_rate" not in ood:
        return [
            "How many similar things are accepted is not known: leaving a class out takes three classes."
            " Add to `distractors` what people may confuse with your classes."
        ]
    worst = ood["worst_left_out"]
    name, rate, taken_for = (
        shown(worst["label"]),
        worst["false_accept_rate"]["value"],
        shown(worst["taken_for"]),
    )
    found = f"If {name} were not among the searches, {rate:.0%} would be accepted, most as {taken_for}."
    if has_distractors(metrics, ood):
        return [
            found,
            "Add what people may confuse with your classes to `distractors`; validation.json rates each.",
        ]
    return [
        found,
        f"Without distractors, only things unlike all classes are `unknown`. Add to `distractors` what"
        f" people may take for {shown(most_taken(ood['left_out']))}: the model then learns to tell it apart.",
    ]


def most_taken(left_out: dict[str, Any]) -> str:
    """Name the class that most images of left-out queries are taken for."""
    accepted: dict[str, float] = {}
    for one in left_out.values():
        rate = one["false_accept_rate"]
        accepted[one["taken_for"]] = accepted.get(one["taken_for"], 0) + rate["value"] * rate["n"]
    return max(accepted, key=lambda name: accepted[name])


def weak_classes(recall: dict[str, Any], shown: Shown) -> list[str]:
    """Name the answers whose interval of recall lies below the share of all correct answers."""
    hits = sum(found["value"] * found["n"] for found in recall.values())
    mean = hits / sum(found["n"] for found in recall.values())
    weak = {name: found for name, found in recall.items() if found["high"] < mean}
    return [
        f"Low recall: {shown(name)} {interval(found, 2)}." for name, found in list(weak.items())[:MOST_WEAK]
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


PARTS = {
    "classifier": (
        paths.CLASSIFIER_REPORTS / "metrics.json",
        paths.CLASSIFIER_REPORTS / "validation.json",
        paths.CLEAN_REPORTS / "summary.json",
    ),
    "generator": (paths.GENERATOR_REPORTS / "metrics.json",),
}
"""For each half, the reports that are described."""
NEXT = """
Look         reports/index.html has all metrics and plots; `make ui` shows the runs
Serve        make serve, then open http://localhost:3000
"""


def main() -> None:
    """Print the summary of the last run, or of one half of it that an argument names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=PARTS)
    only = parser.parse_args().part
    describe: dict[str, Callable[..., str]] = {
        "classifier": partial(describe_classifier, shown=load_params().page.display_name),
        "generator": describe_generator,
    }
    texts = [describe[name](*map(read_json, files)) for name, files in PARTS.items() if only in {None, name}]
    sys.stdout.write("".join(texts) + NEXT)


if __name__ == "__main__":
    run_command(main)
