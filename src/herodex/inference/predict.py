"""Classify images: from pixels to an answer. Imports only what the service's container holds."""

import csv
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int, UInt8

from herodex.inference.classifier_file import ClassifierRecord, read_record, require_backbone
from herodex.inference.decision import answer_positions, confidence_sets, posterior
from herodex.inference.explain import HeatMap, ImageMaps, Neighbour, heat_map, nearest
from herodex.inference.features import (
    Embedder,
    FeatureMaps,
    channels_of,
    feature_maps,
    features_of,
    load_embedder,
    means_of,
    pool,
)
from herodex.inference.ood import (
    Gallery,
    OodDetector,
    Whitening,
    far_similarity,
    ood_figures,
    product,
    sample_gallery,
    similarities,
)
from herodex.model_files import content_hash, require_files
from herodex.params import UNKNOWN

MODEL_FILES = ("classifier.json", "gallery.csv", "gallery.npy", "head.npy", "means.npy", "whitening.npy")
GALLERY_COLUMNS = ["sha256", "source", "page_url", "title", "author", "license", "license_url"]
"""Columns of `gallery.csv` about a training image's source; `shows` follows."""


@dataclass(frozen=True)
class Head:
    """A linear head on features as they are: standardisation is part of the weights."""

    weights: Float32[np.ndarray, "features labels"]
    bias: Float32[np.ndarray, " labels"]

    def logits(self, features: Float32[np.ndarray, "n features"]) -> Float32[np.ndarray, "n labels"]:
        """Compute the logits of all labels."""
        return product(features, self.weights) + self.bias


@dataclass(frozen=True)
class Classifier:
    """The backbone, the head and the training images, ready to answer.

    Attributes:
        classes: in order.
        labels: the classes, then the other labels of the head.
        temperature: divides the classes' logits.
        least: least probability of an answer in the confidence set.
        sources: where each training image is from.
        max_side: pixels to which an image is scaled down first.
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    embedder: Embedder
    head: Head
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    temperature: float
    whitening: Whitening
    gallery: Gallery
    detector: OodDetector
    least: float
    sources: tuple[dict[str, str], ...]
    max_side: int
    model: str

    def run(self, images: Sequence[UInt8[np.ndarray, "_h _w 3"]], keep_maps: bool = False) -> "Outputs":
        """Compute the outputs for images; `keep_maps` keeps the feature maps, to explain answers."""
        with feature_maps(self.embedder, images, self.embedder.views) as maps:
            pooled, channels = pool(maps), channels_of(maps)
            kept = [values.copy() for values in maps] if keep_maps else []
        features = features_of(self.embedder.settings, pooled, channels)
        return replace(self.run_on_features(features, means_of(pooled, channels)), maps=kept)

    def run_on_features(
        self, features: Float32[np.ndarray, "n features"], means: Float32[np.ndarray, "n channels"]
    ) -> "Outputs":
        """Compute the outputs for images by their features and their mean-pooled features."""
        logits, vectors, classes = (
            self.head.logits(features),
            self.whitening.embed(features),
            len(self.classes),
        )
        similarity = similarities(self.gallery, vectors)
        figures = ood_figures(logits, similarity, far_similarity(self.gallery, means, classes), classes)
        scores = self.detector.score(figures)
        return Outputs(
            probabilities=posterior(logits, scores, classes, self.temperature),
            ood_scores=scores,
            likeliest=np.where(self.detector.far_score(figures) < 0, -1, logits.argmax(axis=1)),
            vectors=vectors,
            maps=[],
        )

    def probabilities(
        self, images: Sequence[UInt8[np.ndarray, "_h _w 3"]]
    ) -> Float[np.ndarray, "images answers"]:
        """Compute probabilities of the classes, `unknown` in the last column."""
        return self.run(images).probabilities


@dataclass(frozen=True)
class Outputs:
    """The classifier's outputs for some images.

    Attributes:
        probabilities: of the classes, then of `unknown`.
        ood_scores: log-odds of known against unknown.
        likeliest: position of the head's likeliest label; -1 for images unlike all training images.
        vectors: whitened features, of length 1.
        maps: the backbone's feature maps of each stage; empty unless they were asked for.
    """

    probabilities: Float[np.ndarray, "images answers"]
    ood_scores: Float[np.ndarray, " images"]
    likeliest: Int[np.ndarray, " images"]
    vectors: Float32[np.ndarray, "images dimensions"]
    maps: list[FeatureMaps]


@dataclass(frozen=True)
class Prediction:
    """The answer for one image; `probabilities` and `unknown` sum to 1.

    Attributes:
        label: the likeliest class.
        known: whether that class is at least as likely as `unknown`.
        probabilities: of the classes.
        unknown: the probability that the image shows no class.
        set: the answers of the confidence set, `unknown` included, the likeliest first.
        looks_like: the distractor that an image of no class looks like; empty if it looks like none.
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    label: str
    known: bool
    probabilities: dict[str, float]
    unknown: float
    set: list[str]
    looks_like: str
    model: str


@dataclass(frozen=True)
class Explanation:
    """Why an answer is what it is: the most similar training images, and where the evidence lies."""

    nearest: list[Neighbour]
    heat_map: HeatMap


def model_hash(directory: Path) -> str:
    """Compute a classifier's sha256; it covers the backbone, whose hash is in `classifier.json`."""
    return content_hash(directory / name for name in MODEL_FILES)


def load_classifier(models: Path, precision: str) -> Classifier:
    """Load `backbone/` and `classifier/` from the folder of models.

    Raises:
        UserError: a file of the models is missing, has another format, or belongs to another backbone.
    """
    directory = models / "classifier"
    # A backbone that was fine-tuned for the classifier lies beside it.
    tuned = (directory / "backbone.xml").exists()
    backbone = directory if tuned else models / "backbone"
    files = [backbone / "backbone.xml", *(directory / name for name in MODEL_FILES)]
    require_files(files, "classifier")
    record = read_record(directory / "classifier.json")
    require_backbone(backbone / "backbone.bin", record)
    ood = record.ood
    with (directory / "gallery.csv").open(encoding="utf-8", newline="") as file:
        sources = tuple(csv.DictReader(file))
    head, whitening = np.load(directory / "head.npy"), np.load(directory / "whitening.npy")
    return Classifier(
        embedder=load_embedder(backbone, precision, record.embed),
        head=Head(head[:-1], head[-1]),
        classes=tuple(record.classes),
        labels=tuple(record.labels),
        temperature=record.temperature,
        whitening=Whitening(whitening[:-1], whitening[-1]),
        gallery=load_gallery(directory, sources, record),
        detector=OodDetector(np.array(ood.weights, float), ood.bias, ood.far_weight, ood.far_bias),
        least=record.set.least,
        sources=sources,
        max_side=record.max_side,
        model=model_hash(directory)[:12],
    )


def load_gallery(directory: Path, sources: Sequence[dict[str, str]], record: ClassifierRecord) -> Gallery:
    """Load the training images that an image is compared to.

    Of many images, those beyond the sample stay in a memory map, which worker processes share.
    """
    place = {label: position for position, label in enumerate(record.labels)}
    labels = np.array([place[source["shows"]] for source in sources], int)
    sample = sample_gallery(labels, len(record.labels), record.ood.neighbours)
    means, count = np.load(directory / "means.npy"), len(record.labels)
    if len(sample) == len(labels):
        return Gallery(np.load(directory / "gallery.npy"), means, labels, count, record.ood.neighbours)
    everyone = np.load(directory / "gallery.npy", mmap_mode="r")
    return Gallery(everyone[sample], means, labels[sample], count, record.ood.neighbours, everyone)


def to_prediction(classifier: Classifier, outputs: Outputs, row: int = 0) -> Prediction:
    """Turn an image's outputs into an answer.

    The label is the likeliest class even where `known` is false.
    """
    probabilities = outputs.probabilities[row : row + 1]
    (position,) = answer_positions(probabilities)
    (members,) = confidence_sets(probabilities, classifier.least)
    *named, unknown = (float(p) for p in probabilities[0])
    answers = [*classifier.classes, UNKNOWN]
    resembled = int(outputs.likeliest[row])
    shows = classifier.labels[resembled] if resembled >= len(classifier.classes) else ""
    is_known = bool(position < len(classifier.classes))
    order: list[int] = np.argsort(-probabilities[0], kind="stable").tolist()
    return Prediction(
        label=classifier.classes[int(np.argmax(named))],
        known=is_known,
        probabilities=dict(zip(classifier.classes, named, strict=True)),
        unknown=unknown,
        set=[answers[i] for i in order if members[i]],
        looks_like="" if is_known or shows == UNKNOWN else shows,
        model=classifier.model,
    )


def explain(
    classifier: Classifier,
    outputs: Outputs,
    image: UInt8[np.ndarray, "h w 3"],
    row: int = 0,
    thumbnails: Container[str] = (),
) -> Explanation:
    """Explain an image's answer; its outputs must hold the feature maps.

    Args:
        classifier: that answered.
        outputs: for some images.
        image: the image's pixels.
        row: of the image in the outputs.
        thumbnails: the SHA-256 of the training images that have one.
    """
    best = int(np.argmax(outputs.probabilities[row, : len(classifier.classes)]))
    maps: list[ImageMaps] = [values[row] for values in outputs.maps]
    return Explanation(
        nearest=nearest(classifier.gallery, classifier.sources, outputs.vectors[row], thumbnails=thumbnails),
        heat_map=heat_map(
            maps,
            classifier.embedder,
            classifier.head.weights[:, best],
            classifier.classes[best],
            image.shape[:2],
        ),
    )
