import json
from typing import Any

import numpy as np
import pytest

from herodex.embedding import backbone
from herodex.embedding.backbone import (
    build,
    first_available,
    last_stage,
    read_tfjs_weights,
    rebuild,
    tfjs_layer_name,
)
from herodex.errors import UserError


@pytest.mark.parametrize(
    ("keras_name", "tfjs_name"),
    [
        ("conv1_conv", "conv1"),
        ("conv1_bn", "bn_conv1"),
        ("conv2_block1_0_conv", "res2a_branch1"),
        ("conv2_block1_0_bn", "bn2a_branch1"),
        ("conv4_block6_2_conv", "res4f_branch2b"),
        ("conv5_block3_3_bn", "bn5c_branch2c"),
    ],
)
def test_layer_names_of_older_keras(keras_name, tfjs_name):
    assert tfjs_layer_name(keras_name) == tfjs_name


def test_weights_across_two_shards_are_joined():
    values = np.arange(10, dtype="<f4")
    data = values.tobytes()
    manifest = [
        {
            "paths": ["shard1.bin", "shard2.bin"],
            "weights": [{"name": "a/kernel", "shape": [2, 3]}, {"name": "a/bias", "shape": [4]}],
        }
    ]
    files = {
        "package/net/model.json": json.dumps({"weightsManifest": manifest}).encode(),
        "package/net/shard1.bin": data[:14],
        "package/net/shard2.bin": data[14:],
    }
    weights = read_tfjs_weights(files)
    assert weights["a/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights["a/bias"].tolist() == [6, 7, 8, 9]


def test_candidates_are_tried_in_order(monkeypatch):
    network = object()

    def unreachable(name: str) -> object:
        raise OSError("no network")

    monkeypatch.setattr(backbone, "from_keras", unreachable)
    monkeypatch.setattr(backbone, "from_npm", lambda: network)
    name, found, source = first_available(["ResNet50V2", "ResNet50"])
    assert (name, found, source) == ("ResNet50", network, f"npm {backbone.NPM_PACKAGE.spec}")


def test_missing_weights_are_one_message_with_every_reason(monkeypatch):
    def unreachable(*_: str) -> object:
        raise OSError("no network")

    monkeypatch.setattr(backbone, "from_keras", unreachable)
    monkeypatch.setattr(backbone, "from_npm", unreachable)
    with pytest.raises(UserError) as raised:
        first_available(["ResNet50V2", "ResNet50"])
    assert raised.value.problem.count("no network") == 3


def test_the_last_stage_continues_from_the_fourth():
    network = build("ResNet50", pretrained=False)
    rgb = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    maps: Any = network(rgb)
    stage = last_stage(network)
    assert np.asarray(stage(maps["stage_4"])) == pytest.approx(np.asarray(maps["stage_5"]), abs=1e-4)
    stage.get_layer("conv5_block3_3_conv").set_weights(
        [weight * 0 for weight in stage.get_layer("conv5_block3_3_conv").get_weights()]
    )
    changed: Any = network(rgb)
    assert (np.asarray(changed["stage_4"]) == np.asarray(maps["stage_4"])).all()
    assert not np.allclose(np.asarray(changed["stage_5"]), np.asarray(maps["stage_5"]))


def test_weights_that_differ_from_the_record_are_refused(monkeypatch):
    class Network:
        def get_weights(self) -> list[np.ndarray]:
            return [np.zeros(3, np.float32)]

    monkeypatch.setattr(backbone, "from_keras", lambda name: Network())
    with pytest.raises(UserError, match="differ"):
        rebuild({"name": "ResNet50", "weights_sha256": "0" * 64})
