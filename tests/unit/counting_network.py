"""A one-step network for tests, whose logits can be worked out by hand."""

import json
from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from herodex.generator.vocabulary import Vocabulary


def write_network(
    folder: Path, vocabulary: Vocabulary, by_step: np.ndarray, by_token: np.ndarray | None = None
) -> None:
    """Write a generator whose state counts the characters read.

    Args:
        folder: where to.
        vocabulary: its characters.
        by_step: logits after so many characters, [max_length + 1, tokens]: right only where the state
            is carried.
        by_token: logits added for the character read last, [tokens, tokens].
    """
    by_token = np.zeros((vocabulary.size, vocabulary.size)) if by_token is None else by_token
    token = ops.parameter(ov.PartialShape([-1]), np.int32, name="token")
    state = ops.parameter(ov.PartialShape([-1, 1]), np.float32, name="state")
    for parameter, name in ((token, "token"), (state, "state")):
        parameter.output(0).set_names({name})
    step = ops.squeeze(ops.convert(state, "i32"), ops.constant([1]))
    first = ops.constant(0)
    logits = ops.add(
        ops.gather(ops.constant(by_step.astype(np.float32)), step, first),
        ops.gather(ops.constant(by_token.astype(np.float32)), token, first),
    )
    next_state = ops.add(state, ops.constant(np.float32(1)))
    outputs = [logits.output(0), next_state.output(0)]
    for output, name in zip(outputs, ("logits", "next_state"), strict=True):
        output.set_names({name})
    folder.mkdir(parents=True, exist_ok=True)
    network = ov.Model(outputs, [token, state])  # pyright: ignore
    ov.save_model(network, folder / "gru.xml", compress_to_fp16=False)
    record = {"characters": list(vocabulary.characters), "units": 1, "max_length": len(by_step) - 1}
    (folder / "generator.json").write_text(json.dumps(record), encoding="utf-8")
