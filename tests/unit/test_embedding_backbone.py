import json

import keras
import numpy as np
import pytest
from random_networks import random_network

from herodex.embedding import backbone
from herodex.embedding.backbone import (
    early_stages,
    first_available,
    last_stage,
    read_tfjs_weights,
    rebuild,
    tfjs_layer_name,
)
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.inference.features import STAGES
from herodex.inference.openvino_runtime import compile_network, run_network

RGB = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3)).astype(np.float32)


@pytest.fixture(params=["ResNet50", "ResNet50V2"])
def network(request: pytest.FixtureRequest) -> keras.Model:
    """One of the candidates with random weights; tests that change it restore it."""
    return random_network(request.param)


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


def test_the_last_stage_continues_the_early_ones(network):
    stage = last_stage(network)
    fourth, fifth = stage(early_stages(network)(RGB))
    maps = network(RGB)
    assert np.asarray(fourth) == pytest.approx(np.asarray(maps["stage_4"]), abs=1e-5)
    assert np.asarray(fifth) == pytest.approx(np.asarray(maps["stage_5"]), abs=1e-4)


def test_training_the_last_stage_changes_the_network_from_stage_5_on(network):
    before = network(RGB)
    convolution = last_stage(network).get_layer("conv5_block3_3_conv")
    weights = convolution.get_weights()
    convolution.set_weights([weight * 0 for weight in weights])
    changed = network(RGB)
    convolution.set_weights(weights)
    assert (np.asarray(changed["stage_4"]) == np.asarray(before["stage_4"])).all()
    assert not np.allclose(np.asarray(changed["stage_5"]), np.asarray(before["stage_5"]))


def test_last_stage_has_layers_of_conv5_and_none_before_block_6_of_conv4(network):
    names = {layer.name for layer in last_stage(network).layers if layer.weights}
    assert "conv5_block1_1_conv" in names
    assert all(name.startswith(("conv4_block6", "conv5", "post")) for name in names)


def test_maps_are_activated_at_a_16th_and_a_32nd_of_the_input(network):
    maps = {name: np.asarray(values) for name, values in network(RGB).items()}
    assert {name: values.shape for name, values in maps.items()} == {
        "stage_4": (1, 14, 14, 1024),
        "stage_5": (1, 7, 7, 2048),
    }
    for values in maps.values():
        assert values.min() == 0
        assert 0.1 < (values > 0).mean() < 0.9


@pytest.mark.parametrize(
    ("name", "stage_4", "stage_5"),
    [
        ("ResNet50", "conv4_block6_out", "conv5_block3_out"),
        ("ResNet50V2", "conv4_block6_preact_relu", "post_relu"),
    ],
)
def test_maps_equal_those_of_keras_after_its_own_preprocessing(name, stage_4, stage_5):
    network = random_network(name)
    body = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(224, 224, 3))
    for layer in filter(lambda layer: layer.weights, body.layers):
        layer.set_weights(network.layers[-1].get_layer(layer.name).get_weights())
    preprocess = {
        "ResNet50": keras.applications.resnet50.preprocess_input,
        "ResNet50V2": keras.applications.resnet_v2.preprocess_input,
    }[name]
    own = keras.Model(body.input, [body.get_layer(stage_4).output, body.get_layer(stage_5).output])
    expected = own(preprocess(RGB.copy()))
    found = network(RGB)
    assert np.asarray(found["stage_4"]) == pytest.approx(np.asarray(expected[0]), abs=1e-4)
    assert np.asarray(found["stage_5"]) == pytest.approx(np.asarray(expected[1]), abs=1e-4)


def test_exported_network_equals_keras(network, tmp_path):
    export_ir(network, tmp_path / "backbone.xml")
    compiled = compile_network(tmp_path / "backbone.xml", "f32", [-1, 224, 224, 3])
    exported = run_network(compiled, RGB, STAGES)
    for name, values in zip(STAGES, exported, strict=True):
        assert values == pytest.approx(np.asarray(network(RGB)[name]), abs=1e-3)


def test_weights_that_differ_from_the_record_are_refused(monkeypatch):
    class Network:
        def get_weights(self) -> list[np.ndarray]:
            return [np.zeros(3, np.float32)]

    monkeypatch.setattr(backbone, "from_keras", lambda name: Network())
    with pytest.raises(UserError, match="differ"):
        rebuild({"name": "ResNet50", "weights_sha256": "0" * 64})
