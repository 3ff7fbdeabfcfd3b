"""Print the main results of a pipeline run."""

import argparse
import csv
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from herodex import paths
from herodex.class_folders import class_folders
from herodex.class_names import list_names
from herodex.class_sizes import size_warnings
from herodex.command import run_command
from herodex.json_record import read_json
from herodex.params import Params, load_params
from herodex.statistics import in_words

WIDTH = 88
MOST_WEAK = 5
"""Answers of low recall that are named; metrics.json has all."""
MOST_NAMED = 3
"""Classes, words or folders that are named for searches; validation.json and the user's folder have all."""
FEWEST_ACCEPTED = 5
"""Mean number of accepted images per class below which they say nothing about a class."""
FEW_ACCEPTED = 0.05
"""Share of accepted images of left-out queries below which no further search is suggested."""


Shown = Callable[[str], str]
"""Returns the text for a class or distractor."""


def describe_classifier(
    metrics: dict[str, Any],
    validation: dict[str, Any],
    clean: dict[str, Any],
    shown: Shown = str,
    unread: Sequence[str] = (),
) -> str:
    """Format the classifier's main metrics, a line each, then what to do about weak ones.

    Args:
        metrics: of the evaluation.
        validation: of the training, with the false accepts of things that the model has not seen.
        clean: of the cleaning, with the number of images of each class.
        shown: returns the text for a class or distractor.
        unread: folders of the user's images that are neither a class nor a distractor.
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
    lines = [f"  {name:<43} {in_words(found)}" for name, found in rows.items() if found]
    title = f"Classifier   {backbone['name']}, {backbone['weights']} weights from {backbone['source']}"
    sizes = size_warnings(clean["images_to_learn_from"], shown)
    searches = searches_to_add(metrics, ood, validation["searches"], shown, unread)
    scale = samples_used(metrics, validation)
    notes = [*searches, *sizes, *weak_classes(metrics["recall"], shown), *scale]
    return "\n".join(["", title, *lines, *(line for note in notes for line in wrap(note)), ""])


def samples_used(metrics: dict[str, Any], validation: dict[str, Any]) -> list[str]:
    """Say where an evaluation of many images or classes used a part of them."""
    labels, folds = validation["ood"].get("labels_left_out"), validation.get("folds")
    listed = metrics.get("recall_listed")
    table = "reports/classifier/recall.csv"
    return [
        *([f"{labels['used']} of {labels['of']} queries were left out in turn."] if labels else []),
        *([f"Cross-validated over {folds['used']} folds in place of {folds['of']}."] if folds else []),
        *([f"{table} has the recall of all {listed['of']} answers."] if listed else []),
    ]


def wrap(note: str) -> list[str]:
    """Break a note into lines for a terminal."""
    return textwrap.wrap(note, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def has_distractors(metrics: dict[str, Any], ood: dict[str, Any]) -> bool:
    """Tell whether the left-out queries are distractors; without any, they are the classes."""
    # Of many classes, `recall` lists the best and the worst alone.
    named = not set(ood.get("left_out", {})) <= set(metrics["recall"])
    return ood["left_out_are"] == "distractors" if "left_out_are" in ood else named


def searches_to_add(
    metrics: dict[str, Any],
    ood: dict[str, Any],
    searches: dict[str, Any],
    shown: Shown,
    unread: Sequence[str],
) -> list[str]:
    """Say which searches would help as distractors, with the evidence for each.

    Args:
        metrics: of the evaluation.
        ood: figures of left-out queries.
        searches: findings of the training, from `distractor_searches`.
        shown: returns the text for a class or distractor.
        unread: folders of the user's images that are neither a class nor a distractor.
    """
    named = name_searches(searches["words"], unread, shown)
    if "false_accept_rate" not in ood:
        return [
            "How many similar things are accepted is not known: leaving a class out takes three classes."
            " Add to `distractors` what people may confuse with your classes.",
            *named,
        ]
    n = ood["false_accept_rate"]["n"]
    accepted = sum(sum(of_class.values()) for of_class in searches["taken_for"].values())
    if accepted < FEW_ACCEPTED * n:
        return [
            f"Only {accepted} of {n} images of left-out searches would be accepted, so none is suggested.",
            *named,
        ]
    worst = ood["worst_left_out"]
    name, rate, other = (
        shown(worst["label"]),
        worst["false_accept_rate"]["value"],
        shown(worst["taken_for"]),
    )
    found = f"If {name} were not among the searches, {rate:.0%} would be accepted, most as {other}."
    counts = {each: sum(of_class.values()) for each, of_class in searches["taken_for"].items()}
    if has_distractors(metrics, ood):
        advice = f"{name_untested(counts, shown)} Each distractor helps most against things like itself."
    else:
        most, most_taken = max(counts.values()), max(counts, key=lambda each: counts[each])
        advice = (
            "Without distractors, only things unlike all classes are `unknown`. Add to `distractors` what"
            f" people may take for {shown(most_taken)}, as {most} of {accepted} accepted images were."
        )
    return [found, advice, *(named or [no_name(searches["titles"])])]


def name_untested(counts: Mapping[str, int], shown: Shown) -> str:
    """Say which classes hardly any image of a left-out distractor is taken for, so what to add first.

    A class is named if it has less than half of an even share of the accepted images. No distractor has then
    tested how its lookalikes are answered. The class with the most images is not named: which class later
    lookalikes are taken for does not follow from it.

    Args:
        counts: accepted images by class.
        shown: returns the text for a class or distractor.
    """
    total = sum(counts.values())
    untested = [name for name, count in counts.items() if 2 * count * len(counts) < total]
    if not untested or total < FEWEST_ACCEPTED * len(counts):
        return "Add to `distractors` further kinds of things that people may take for your classes."
    untested.sort(key=lambda name: counts[name])
    listed = list_names([f"{shown(name)} ({counts[name]})" for name in untested], MOST_NAMED)
    return (
        f"Add to `distractors` what people may take for {listed}: hardly any of the {total} accepted"
        " images were."
    )


def name_searches(words: Sequence[dict[str, Any]], unread: Sequence[str], shown: Shown) -> list[str]:
    """Name words that mark images answered otherwise, and folders that no search reads.

    Args:
        words: findings of the training, the most significant first.
        unread: folders of the user's images that are neither a class nor a distractor.
        shown: returns the text for a class or distractor.
    """
    parts: list[str] = []
    if words:
        listed = ", ".join(
            f"'{one['word']}' ({one['misfits']} of {one['images']} of {shown(one['query'])})"
            for one in words[:MOST_NAMED]
        )
        parts.append(f"Words in titles of images that are answered otherwise: {listed}.")
    if unread:
        parts.append(f"Folders at hand that are no search yet: {list_names(unread, MOST_NAMED)}.")
    return [" ".join(parts)] if parts else []


def no_name(titles: int) -> str:
    """Say why no search is named, and where wrong answers can be seen."""
    why = f"no word marks wrong answers in {titles} titles" if titles else "titles name nothing"
    return f"No search is named, as {why}; reports/classifier/worst.png shows wrong answers."


def unread_folders(params: Params) -> list[str]:
    """List the folders in the user's folder of images that are neither a class nor a distractor."""
    if params.crawl.web in {"demo", "live"}:
        return []
    try:
        found = class_folders(Path(params.crawl.web), params.queries)
    except OSError:
        # The folder may be gone since the crawl; its images are in data/images.
        return []
    return [name for name in found if name not in params.queries]


def weak_classes(recall: dict[str, Any], shown: Shown) -> list[str]:
    """Name the answers whose interval of recall lies below the share of all correct answers."""
    hits = sum(found["value"] * found["n"] for found in recall.values())
    mean = hits / sum(found["n"] for found in recall.values())
    weak = {name: found for name, found in recall.items() if found["high"] < mean}
    return [
        f"Low recall: {shown(name)} {in_words(found, 2)}." for name, found in list(weak.items())[:MOST_WEAK]
    ]


def describe_generator(metrics: dict[str, Any]) -> str:
    """Format the generator's main metrics, after some sample names."""
    with (paths.GENERATOR_REPORTS / "samples.csv").open(encoding="utf-8", newline="") as file:
        samples = [describe_sample(row) for row in csv.DictReader(file)][:8]
    return f"""
Names        {", ".join(samples)}
  nats per character, {metrics["method"]:<18}{in_words(metrics["nats"])}
  trigram model                         {in_words(metrics["trigram"])}
  cross-validation                      {in_words(metrics["cross_validation"]["nats"])}
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
    params = load_params()
    describe: dict[str, Callable[..., str]] = {
        "classifier": partial(
            describe_classifier, shown=params.page.display_name, unread=unread_folders(params)
        ),
        "generator": describe_generator,
    }
    texts = [describe[name](*map(read_json, files)) for name, files in PARTS.items() if only in {None, name}]
    sys.stdout.write("".join(texts) + NEXT)


if __name__ == "__main__":
    run_command(main)
