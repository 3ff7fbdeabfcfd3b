"""How much faster names are drawn from the exported single step than through Keras's `predict`.

Ours is what a request for names does, all of it: draw some more names than asked for in one batch, compare
them with every real name, leave out what is near one or comes twice. Against it stands the least that
`predict` needs for the same names: one call a character and name, stops included, of the same single step
with its state carried. Nothing is drawn or compared there, and no name is thrown away.
"""

import json
from typing import Any, cast

import numpy as np

from benchmarks.ratio import print_ratio
from herodex import paths
from herodex.command import run_command
from herodex.generator.network import build_network, one_step
from herodex.generator.sample import Wish, load_generator, sample_names
from herodex.params import load_params

COUNT = 15


def main() -> None:
    """Print the ratio."""
    params = load_params()
    generator = load_generator(paths.MODELS, paths.CLEAN_NAMES)
    names = [name.name for name in sample_names(generator, COUNT, Wish(1.0), params.seed)]
    record = json.loads((paths.GENERATOR / "generator.json").read_text(encoding="utf-8"))
    step = one_step(
        build_network(len(record["characters"]) + 2, params.generator.network, params.generator.train)
    )

    def with_openvino() -> None:
        sample_names(generator, COUNT, Wish(1.0), params.seed)

    def with_keras() -> None:
        for name in names:
            state = np.zeros((1, record["units"]), np.float32)
            for _ in range(len(name) + 1):
                state = step.predict([np.zeros(1, np.int32), state], verbose=cast(Any, 0))["next_state"]

    print_ratio(f"{COUNT} names, OpenVINO against Keras predict", with_openvino, with_keras, rounds=3)


if __name__ == "__main__":
    run_command(main)
