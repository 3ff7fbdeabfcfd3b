"""Speed of a request for names with OpenVINO, against Keras's `predict`.

The OpenVINO side is a whole request: sample a batch, compare it with every real name, and leave out near
duplicates and repeats. The Keras side only feeds the characters of the same names, stop tokens included, with
one call of `predict` per character: to the trained network, which has no state input and reads the name so
far, and to the step network, which reads one character and the state.
"""

from typing import Any, cast

import numpy as np

from benchmarks.ratio import print_ratio
from herodex import paths
from herodex.command import run_command
from herodex.generator.network import build_network, build_step_network
from herodex.generator.sample import SamplingOptions, load_generator, sample_names
from herodex.json_record import read_json
from herodex.params import load_params

COUNT = 15


def main() -> None:
    """Print the speed ratio for both Keras networks."""
    params = load_params()
    generator = load_generator(paths.MODELS, paths.CLEAN_NAMES)
    names = [name.name for name in sample_names(generator, COUNT, SamplingOptions(1.0), params.seed)]
    record = read_json(paths.GENERATOR / "generator.json")
    sizes = params.generator.network.model_copy(update={"units": record["units"]})
    network = build_network(len(record["characters"]) + 2, sizes, params.generator.train)
    step = build_step_network(network)

    def with_openvino() -> None:
        sample_names(generator, COUNT, SamplingOptions(1.0), params.seed)

    def with_network() -> None:
        for name in names:
            for length in range(1, len(name) + 2):
                network.predict(np.zeros((1, length), np.int32), verbose=cast(Any, 0))

    def with_step() -> None:
        for name in names:
            state = np.zeros((1, record["units"]), np.float32)
            for _ in range(len(name) + 1):
                state = step.predict([np.zeros(1, np.int32), state], verbose=cast(Any, 0))["next_state"]

    for network_name, with_keras in (("the network", with_network), ("the step network", with_step)):
        label = f"{COUNT} names, OpenVINO against Keras predict of {network_name}"
        print_ratio(label, with_openvino, with_keras, rounds=3)


if __name__ == "__main__":
    run_command(main)
