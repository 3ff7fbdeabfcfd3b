from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_service import write_classifier

from herodex import paths
from herodex.classifier.linear import LinearHead
from herodex.classifier.tune import tune, tuned_features
from herodex.dataset.manifest import read_clean
from herodex.inference.features import Embedder, embed, load_embedder
from herodex.params import EmbedParams, FineTuneParams

EMBED = EmbedParams(input_size=64, views=["middle"], mirror=True, stages=[4, 5], pooling="max", batch_size=4)
SETTINGS = FineTuneParams(use="always", learning_rate=0.01, epochs=4, batch_size=4)
LABELS = np.arange(12) % 2
CHANNELS = 3


@pytest.fixture
def embedder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Embedder:
    """A backbone that computes the colours of patches, with reddish and bluish images."""
    monkeypatch.chdir(tmp_path)
    write_classifier(paths.MODELS)
    paths.CLEAN_IMAGES.mkdir(parents=True)
    for place, blue in enumerate(LABELS):
        colour = (90, 9 * place, 140) if blue else (140, 9 * place, 90)
        Image.new("RGB", (80, 64), colour).save(paths.CLEAN_IMAGES / f"{place}.png")
    return load_embedder(paths.BACKBONE, "f32", EMBED)


FILES = [f"{place}.png" for place in range(len(LABELS))]


def make_stage() -> keras.Model:
    keras.utils.set_random_seed(3)
    inputs = keras.Input((None, None, CHANNELS))
    fourth = keras.layers.Activation("relu")(inputs)
    convolved = keras.layers.Conv2D(CHANNELS, 1, name="conv")(fourth)
    return keras.Model(inputs, [fourth, keras.layers.BatchNormalization(name="norm")(convolved)])


def untrained() -> LinearHead:
    """A head with equal probabilities for all labels."""
    width = 2 * CHANNELS
    return LinearHead(np.full(width, 100.0), np.full(width, 50.0), np.zeros((width, 2)), np.zeros(2))


def weights(stage: keras.Model, layer: str) -> list[Any]:
    return [np.asarray(weight) for weight in stage.get_layer(layer).weights]


def test_tuning_lowers_the_loss_and_keeps_batch_norms(embedder):
    stage = make_stage()
    conv, norm = weights(stage, "conv"), weights(stage, "norm")
    losses = tune(stage, embedder, FILES, LABELS, untrained(), 0.001, SETTINGS, seed=1)
    assert losses[-1] < losses[0]
    assert not np.allclose(weights(stage, "conv")[0], conv[0])
    assert all((after == before).all() for after, before in zip(weights(stage, "norm"), norm, strict=True))


def test_tuning_is_repeatable(embedder):
    tuned = []
    for _ in range(2):
        stage = make_stage()
        tune(stage, embedder, FILES, LABELS, untrained(), 0.001, SETTINGS, seed=1)
        tuned.append(weights(stage, "conv")[0])
    assert (tuned[0] == tuned[1]).all()


def test_an_identity_stage_keeps_the_features(embedder):
    inputs = keras.Input((None, None, CHANNELS))
    same = keras.layers.Activation("linear")(inputs)
    stage = keras.Model(inputs, [same, same])
    found = tuned_features(stage, embedder, FILES, size=5)
    assert found == pytest.approx(embed(embedder, [read_clean(file) for file in FILES]), abs=1e-4)
