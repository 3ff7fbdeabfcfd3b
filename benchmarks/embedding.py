"""Speed of the exported backbone relative to Keras's `predict` on the same images."""

from typing import Any, cast

import numpy as np

from benchmarks.ratio import print_ratio
from herodex import paths
from herodex.command import run_command
from herodex.embedding.backbone import build
from herodex.inference.features import embed, load_embedder
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import to_input
from herodex.params import load_params

IMAGES = 32


def main() -> None:
    """Print the ratio; Keras runs with random weights, which take as long as trained ones."""
    params = load_params()
    settings = params.classifier.embed
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, settings)
    network = build("ResNet50", pretrained=False)
    side, size = settings.input_size, settings.batch_size
    images = np.random.default_rng(params.seed).integers(0, 256, (IMAGES, side, side, 3), np.uint8)
    views = embedder.views

    def with_openvino() -> None:
        for start in range(0, IMAGES, size):
            embed(embedder, list(images[start : start + size]))

    def with_keras() -> None:
        inputs = np.stack([to_input(image, view, side) for image in images for view in views])
        network.predict(inputs.astype(np.float32), batch_size=size * len(views), verbose=cast(Any, 0))

    precision = resolve_precision(params.backbone.precision)
    label = f"{len(views)} views of {IMAGES} images, OpenVINO in {precision} against Keras predict"
    print_ratio(label, with_openvino, with_keras)


if __name__ == "__main__":
    run_command(main)
