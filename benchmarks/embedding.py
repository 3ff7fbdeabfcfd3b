"""How much faster the exported backbone computes features than Keras's `predict` on the same pictures."""

from typing import Any, cast

import numpy as np

from benchmarks.ratio import print_ratio
from herodex import paths
from herodex.backbone import build
from herodex.classifier.features import embed, load_embedder
from herodex.command import run_command
from herodex.params import load_params

PICTURES = 32


def main() -> None:
    """Print the ratio; random weights will do for Keras, because they take as long as trained ones."""
    params = load_params()
    settings = params.classifier.embed
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, settings.input_size, settings.pooling)
    network = build("ResNet50", pretrained=False)
    side = settings.input_size
    pictures = np.random.default_rng(params.seed).integers(0, 256, (PICTURES, side, side, 3), np.uint8)

    def with_openvino() -> None:
        for start in range(0, PICTURES, settings.batch_size):
            embed(embedder, list(pictures[start : start + settings.batch_size]))

    def with_keras() -> None:
        network.predict(pictures.astype(np.float32), batch_size=settings.batch_size, verbose=cast(Any, 0))

    print_ratio(f"features of {PICTURES} pictures, OpenVINO against Keras predict", with_openvino, with_keras)


if __name__ == "__main__":
    run_command(main)
