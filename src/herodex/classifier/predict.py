"""Answers which class a picture shows. Imports only what the service's image holds."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov

from herodex.classifier.features import Embedder, compile_network, embed, load_embedder, run_network
from herodex.model_files import content_hash, require_files

MODEL_FILES = ("classifier.json", "head.bin", "head.xml")


@dataclass(frozen=True)
class Classifier:
    """The backbone and the head, ready to answer.

    Attributes:
        labels: the classes in order, then `unknown` for what is none of them.
        max_side: pixels to which a picture is scaled down before it is looked at.
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    embedder: Embedder
    head: ov.CompiledModel
    labels: tuple[str, ...]
    max_side: int
    model: str

    def probabilities(self, pictures: list[np.ndarray]) -> np.ndarray:
        """Classify uint8 RGB pictures [h, w, 3]; returns float32 [pictures, labels], rows sum to 1."""
        return run_network(self.head, embed(self.embedder, pictures))


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture; `probabilities` and `unknown` sum to 1."""

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    model: str


def model_hash(directory: Path) -> str:
    """The sha256 of a trained classifier, its backbone included: `classifier.json` holds the hash of that."""
    return content_hash(directory / name for name in MODEL_FILES)


def load_classifier(models: Path, precision: str) -> Classifier:
    """Load `backbone/` and `classifier/` from the folder of models.

    Raises:
        UserError: a file of the models is missing.
    """
    directory = models / "classifier"
    files = [models / "backbone" / "backbone.xml", *(directory / name for name in MODEL_FILES)]
    require_files(files, "classifier")
    settings = json.loads((directory / "classifier.json").read_text(encoding="utf-8"))
    return Classifier(
        embedder=load_embedder(models / "backbone", precision, settings["input_size"], settings["pooling"]),
        head=compile_network(directory / "head.xml", "f32"),
        labels=tuple(settings["labels"]),
        max_side=settings["max_side"],
        model=model_hash(directory)[:12],
    )


def answer(classifier: Classifier, probabilities: np.ndarray, unknown_threshold: float) -> Prediction:
    """Word one row of probabilities as an answer.

    The label is the likeliest class even if the picture is taken for none of them: `known` tells.
    """
    *named, unknown = (float(p) for p in probabilities)
    classes = classifier.labels[:-1]
    return Prediction(
        label=classes[int(np.argmax(named))],
        known=unknown < unknown_threshold,
        probabilities=dict(zip(classes, named, strict=True)),
        unknown=unknown,
        model=classifier.model,
    )
