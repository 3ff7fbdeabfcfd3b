"""Speed of the exported backbone relative to Keras and to itself in float32, on the same images.

Keras runs with random weights, which take as long as trained ones.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from jaxtyping import Float32, UInt8

from benchmarks.ratio import print_ratio
from benchmarks.table import cpu_name
from herodex import paths
from herodex.command import run_command
from herodex.embedding.backbone import build
from herodex.inference.features import Embedder, embed, load_embedder
from herodex.inference.openvino_runtime import resolve_precision, run_network
from herodex.inference.views import to_input
from herodex.params import load_params

IMAGES = 32
ROUNDS_OF_ONE = 15
"""Single images are quick, and their times vary more."""


def compare_one_image(image: Float32[np.ndarray, "1 side side 3"], ours: Embedder, plain: Embedder) -> None:
    """Print the speed of one image through the backbone against ways of Keras and OpenVINO in float32."""
    import tensorflow as tf

    network: Any = build("ResNet50", pretrained=False)
    compiled = tf.function(network)
    others: dict[str, Callable[[], object]] = {
        "Keras model(x)": partial(network, image),
        "Keras predict": partial(network.predict, image, verbose=0),
        "tf.function": partial(compiled, tf.constant(image)),
        "OpenVINO in f32": partial(run_network, plain.network, image),
    }
    for name, other in others.items():
        label = f"one image through the backbone against {name}"
        print_ratio(label, partial(run_network, ours.network, image), other, ROUNDS_OF_ONE)


def embed_in_batches(embedder: Embedder, images: list[UInt8[np.ndarray, "side side 3"]]) -> None:
    """Compute the features of images."""
    size = embedder.settings.batch_size
    for start in range(0, len(images), size):
        embed(embedder, images[start : start + size])


def main() -> None:
    """Print the ratios."""
    params = load_params()
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    ours = load_embedder(paths.BACKBONE, precision, settings)
    plain = load_embedder(paths.FETCHED_BACKBONE, "f32", settings)
    side, size = settings.input_size, settings.batch_size
    images = list(np.random.default_rng(params.seed).integers(0, 256, (IMAGES, side, side, 3), np.uint8))
    sys.stdout.write(f"{cpu_name()}, OpenVINO in {precision}\n")
    compare_one_image(images[0][None].astype(np.float32), ours, plain)

    network = build("ResNet50", pretrained=False)

    def with_keras() -> None:
        inputs = np.stack([to_input(image, view, side) for image in images for view in ours.views])
        batch = size * len(ours.views)
        network.predict(inputs.astype(np.float32), batch_size=batch, verbose=cast(Any, 0))

    label = f"{len(ours.views)} views of {IMAGES} images, OpenVINO in {precision}, against"
    print_ratio(
        f"{label} f32", partial(embed_in_batches, ours, images), partial(embed_in_batches, plain, images)
    )
    print_ratio(f"{label} Keras predict", partial(embed_in_batches, ours, images), with_keras)


if __name__ == "__main__":
    run_command(main)
