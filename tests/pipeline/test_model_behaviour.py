"""Invariances of the trained classifier."""

import numpy as np
import pandas as pd
import pytest

from herodex.dataset.manifest import read_manifest
from herodex.evaluation.corruptions import CORRUPTIONS
from herodex.inference.features import embed, load_embedder
from herodex.inference.image_decoding import trim_bars
from herodex.inference.predict import Classifier, load_classifier
from herodex.params import load_params

IMAGES = 24


@pytest.fixture(scope="module")
def classifier(project) -> Classifier:
    return load_classifier(project.folder / "models", load_params().backbone.precision)


@pytest.fixture(scope="module")
def training_rows(project) -> pd.DataFrame:
    """Rows of some training images."""
    manifest = read_manifest(project.folder / "data/images/split.csv")
    return manifest[manifest["part"] == "train"].sort_values("sha256").head(IMAGES)


@pytest.fixture(scope="module")
def images(project, classifier, training_rows) -> list[np.ndarray]:
    return [project.image(file, classifier.max_side) for file in training_rows["file"]]


@pytest.fixture(scope="module")
def expected(classifier, images) -> np.ndarray:
    """Probabilities of the unchanged images."""
    return classifier.probabilities(images)


def test_training_images_are_classified_correctly(classifier, training_rows, expected):
    answers = np.array([*classifier.classes, "unknown"])[expected.argmax(axis=1)]
    assert (answers == training_rows["label"].to_numpy(str)).mean() > 0.9


@pytest.fixture(scope="module")
def mirrored(images) -> list[np.ndarray]:
    return [np.ascontiguousarray(image[:, ::-1]) for image in images]


def test_mirroring_keeps_features_if_views_are_mirrored(project, images, mirrored):
    settings = load_params(project.folder / "params.yaml").classifier.embed
    assert settings.mirror
    embedder = load_embedder(project.folder / "models/backbone", "int8", settings)
    assert embed(embedder, mirrored) == pytest.approx(embed(embedder, images), abs=1e-4)


def test_mirroring_keeps_labels(classifier, mirrored, expected):
    same = classifier.probabilities(mirrored).argmax(axis=1) == expected.argmax(axis=1)
    assert same.mean() > 0.9


def test_letterbox_bars_keep_labels(classifier, images, expected):
    barred = [trim_bars(np.pad(image, ((60, 60), (0, 0), (0, 0)))) for image in images]
    same = classifier.probabilities(barred).argmax(axis=1) == expected.argmax(axis=1)
    assert same.mean() > 0.9


@pytest.mark.parametrize("change", CORRUPTIONS)
def test_corruptions_seldom_change_the_label(classifier, images, expected, change):
    after = np.concatenate([classifier.probabilities([CORRUPTIONS[change](image)]) for image in images])
    assert (after.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.75


def test_noise_has_lower_scores_than_images_of_classes(classifier, training_rows, images):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 256, (200, 260, 3), np.uint8) for _ in range(4)]
    of_a_class = [images[i] for i in np.flatnonzero(training_rows["label"] != "unknown")]
    assert classifier.run(noise).ood_scores.max() < classifier.run(of_a_class).ood_scores.min()
