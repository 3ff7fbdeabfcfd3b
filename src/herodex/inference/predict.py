"""Answers which class an image shows. Imports only what the service's image holds."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from herodex.inference.explain import HeatMap, Neighbour, heat_map, nearest
from herodex.inference.features import (
    Embedder,
    channels_of,
    features_of,
    load_embedder,
    looking,
    pool,
)
from herodex.inference.ood import (
    Gallery,
    OodDetector,
    Whitening,
    class_probabilities,
    ood_features,
    similarities,
)
from herodex.inference.openvino_runtime import Network, compile_network, run_network
from herodex.model_files import content_hash, require_files
from herodex.params import EmbedParams

MODEL_FILES = (
    "classifier.json",
    "evidence.npy",
    "gallery.csv",
    "gallery.npy",
    "head.bin",
    "head.xml",
    "space.npy",
)
GALLERY_COLUMNS = ["sha256", "source", "page_url", "title", "author", "license", "license_url"]
"""What `gallery.csv` tells of an image that was learnt from, beside what it shows."""


@dataclass(frozen=True)
class Classifier:
    """The backbone, the head and what they learnt from, ready to answer.

    Attributes:
        classes: in order.
        labels: the classes, then what else the head tells apart.
        temperature: by which the head's logits are divided.
        evidence: what a feature adds to the logit of a label, float32 [features, labels].
        sources: where each image of the gallery is from.
        max_side: pixels to which an image is scaled down before it is looked at.
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    embedder: Embedder
    head: Network
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    temperature: float
    space: Whitening
    gallery: Gallery
    judge: OodDetector
    evidence: np.ndarray
    sources: tuple[dict[str, str], ...]
    max_side: int
    model: str

    def look(self, images: Sequence[np.ndarray], explained: bool = False) -> "Look":
        """Look at uint8 RGB images [h, w, 3], with all that answers are made of, or also explanations."""
        with looking(self.embedder, images, self.embedder.views) as maps:
            features = features_of(self.embedder.settings, pool(maps), channels_of(maps))
            kept = [values.copy() for values in maps] if explained else []
        (logits,) = run_network(self.head, features)
        units = self.space.unit(features)
        classes = len(self.classes)
        figures = ood_features(logits, similarities(self.gallery, units), classes)
        return Look(
            probabilities=class_probabilities(logits, classes, self.temperature),
            scores=self.judge.score(figures),
            units=units,
            maps=kept,
        )

    def probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Classify uint8 RGB images [h, w, 3]; float [images, classes + 1], unknown last."""
        return self.look(images).probabilities


@dataclass(frozen=True)
class Look:
    """What was seen on images.

    Attributes:
        probabilities: of the classes, and of none of them last, float [images, classes + 1].
        scores: how familiar each image is, float [images].
        units: where they lie in the space, float32 [images, dimensions].
        maps: the backbone's feature maps, each float32 [images, views, rows, columns, channels]; none
            unless answers are to be explained.
    """

    probabilities: np.ndarray
    scores: np.ndarray
    units: np.ndarray
    maps: list[np.ndarray]


@dataclass(frozen=True)
class Prediction:
    """The answer for one image; `probabilities` and `unknown` sum to 1."""

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    model: str


@dataclass(frozen=True)
class Explanation:
    """Why an answer is what it is: the nearest images learnt from, and where the evidence lies."""

    nearest: list[Neighbour]
    heat_map: HeatMap


def model_hash(directory: Path) -> str:
    """The sha256 of a trained classifier, its backbone included: `classifier.json` holds the hash of that."""
    return content_hash(directory / name for name in MODEL_FILES)


def load_classifier(models: Path, precision: str) -> Classifier:
    """Load `backbone/` and `classifier/` from the folder of models.

    Raises:
        UserError: a file of the models is missing.
    """
    directory = models / "classifier"
    # A backbone that was tuned for the classifier lies beside it.
    tuned = (directory / "backbone.xml").exists()
    backbone = directory if tuned else models / "backbone"
    files = [backbone / "backbone.xml", *(directory / name for name in MODEL_FILES)]
    require_files(files, "classifier")
    settings = json.loads((directory / "classifier.json").read_text(encoding="utf-8"))
    labels = tuple(settings["labels"])
    familiarity = settings["familiarity"]
    with (directory / "gallery.csv").open(encoding="utf-8", newline="") as file:
        sources = tuple(csv.DictReader(file))
    space = np.load(directory / "space.npy")
    return Classifier(
        embedder=load_embedder(backbone, precision, EmbedParams(**settings["embed"])),
        head=compile_network(directory / "head.xml", "f32"),
        classes=tuple(settings["classes"]),
        labels=labels,
        temperature=settings["temperature"],
        space=Whitening(space[:-1], space[-1]),
        gallery=Gallery(
            np.load(directory / "gallery.npy"),
            np.array([labels.index(source["shows"]) for source in sources], int),
            len(labels),
            familiarity["neighbours"],
        ),
        judge=OodDetector(np.array(familiarity["weights"]), familiarity["bias"], familiarity["threshold"]),
        evidence=np.load(directory / "evidence.npy"),
        sources=sources,
        max_side=settings["max_side"],
        model=model_hash(directory)[:12],
    )


def answer(classifier: Classifier, look: Look, row: int = 0) -> Prediction:
    """Word what was seen on an image as an answer.

    The label is the likeliest class even if the image is taken for none of them: `known` tells.
    """
    *named, unknown = (float(p) for p in look.probabilities[row])
    return Prediction(
        label=classifier.classes[int(np.argmax(named))],
        known=bool(look.scores[row] >= classifier.judge.threshold),
        probabilities=dict(zip(classifier.classes, named, strict=True)),
        unknown=unknown,
        model=classifier.model,
    )


def explain(classifier: Classifier, look: Look, image: np.ndarray, row: int = 0) -> Explanation:
    """Say why an image, uint8 RGB [h, w, 3], got its answer; it was looked at to be explained."""
    best = int(np.argmax(look.probabilities[row, : len(classifier.classes)]))
    maps = [values[row] for values in look.maps]
    return Explanation(
        nearest=nearest(classifier.gallery, classifier.sources, look.units[row]),
        heat_map=heat_map(
            maps,
            classifier.embedder,
            classifier.evidence[:, best],
            classifier.classes[best],
            image.shape[:2],
        ),
    )
