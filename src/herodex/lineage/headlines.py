"""The start of the page of reports: one figure of each model, invented names, and the worst errors."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herodex.dataset.image_store import has_image, read_png
from herodex.json_record import read_json
from herodex.lineage.counts import Row, read_rows
from herodex.params import UNKNOWN
from herodex.thumbnails import encode_thumbnail

NAMES = 8
ERRORS = 2
THUMBNAIL = 320
"""Longer side of an image on the page, in pixels."""
QUALITY = 80
NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class Headline:
    """A figure with its interval and its baseline.

    Attributes:
        title: of the model.
        text: says what the figure means.
        estimate: value, low, high and n.
        counted: what n counts.
        baseline: in words, with its value.
    """

    title: str
    text: str
    estimate: dict[str, float]
    counted: str
    baseline: str


@dataclass(frozen=True)
class WrongAnswer:
    """A wrong answer: the image, as a `data:` address, and what it shows and was taken for."""

    image: str
    shows: str
    answer: str
    probability: float


@dataclass(frozen=True)
class Lead:
    """The start of the page; parts of a model without reports are empty."""

    headlines: list[Headline]
    names: list[str]
    errors: list[WrongAnswer]


def read_lead(reports: Path, images: Path, split: Path, shown: Callable[[str], str] = str) -> Lead:
    """Read the reports of both models; one of them may be missing.

    Args:
        reports: the folder of reports.
        images: the folder of cleaned images; without them, as after `make pull`, no errors are shown.
        split: the table of images.
        shown: returns the text for a class or distractor.
    """
    headlines: list[Headline] = []
    names: list[str] = []
    errors: list[WrongAnswer] = []
    classifier, generator = reports / "classifier", reports / "generator"
    if (classifier / "metrics.json").exists():
        headlines.append(classifier_headline(read_json(classifier / "metrics.json")))
    if (generator / "metrics.json").exists():
        headlines.append(generator_headline(read_json(generator / "metrics.json")))
    if (generator / "samples.csv").exists():
        rows = read_rows(generator / "samples.csv")
        names = [row["name"] for row in rows if row["status"] == "new"][:NAMES]
    if (classifier / "predictions.csv").exists() and split.exists():
        worst = worst_rows(read_rows(classifier / "predictions.csv"))
        files = {(row["sha256"], row["query"]): row["file"] for row in read_rows(split)} if worst else {}
        found = ((row, files.get((row["sha256"], row["query"]), "-")) for row in worst)
        errors = [
            wrong_answer(row, read_png(file, images), shown) for row, file in found if has_image(file, images)
        ]
    return Lead(headlines, names, errors)


def classifier_headline(metrics: dict[str, Any]) -> Headline:
    """Describe the accuracy of the classifier."""
    baseline = metrics["baseline"]
    return Headline(
        "Classifier",
        "of images get the right answer: their class, or that they show none. No image was answered by a "
        "model that had learnt from it.",
        metrics["accuracy"],
        metrics["answers"],
        f"{baseline['name']}: {percent(baseline['accuracy']['value'])}",
    )


def percent(share: float) -> str:
    """Format a share: 97.3 %."""
    return f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def generator_headline(metrics: dict[str, Any]) -> Headline:
    """Describe the cross-entropy of the name generator."""
    return Headline(
        "Name generator",
        "nats per character on real names that it has not learnt from. Lower is more likely.",
        metrics["nats"],
        "held-out names",
        f"trigram model: {metrics['trigram']['value']:.3f}",
    )


def worst_rows(predictions: list[Row]) -> list[Row]:
    """Select the most confident wrong answers."""
    wrong = [row for row in predictions if row["label"] != row["predicted"]]
    return sorted(wrong, key=lambda row: -answer_probability(row))[:ERRORS]


def answer_probability(row: Row) -> float:
    """Return the probability of the answer, from a row of predictions with a column per class or without.

    Without, `likeliest` begins with the likeliest class, which is the answer unless that is `unknown`.
    """
    own = row.get(f"p_{row['predicted']}")
    return float(row["likeliest"].split()[0].partition(":")[2] if own is None else own)


def wrong_answer(row: Row, png: bytes, shown: Callable[[str], str]) -> WrongAnswer:
    """Describe a wrong answer, with a thumbnail of its image."""
    answer = NONE_OF_THESE if row["predicted"] == UNKNOWN else shown(row["predicted"])
    return WrongAnswer(thumbnail(png), shown(row["query"]), answer, answer_probability(row))


def thumbnail(png: bytes) -> str:
    """Return a small version of an image as a `data:` address, so that the page can be sent alone."""
    encoded = encode_thumbnail(png, THUMBNAIL, QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(encoded).decode('ascii')}"
