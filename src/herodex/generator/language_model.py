"""Exported generator, run with OpenVINO one character at a time.

Imports only libraries that the service's container image includes.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino as ov
from jaxtyping import Float, Float32, Float64, Int

from herodex.generator.vocabulary import Vocabulary, encode, pad
from herodex.json_record import read_json
from herodex.model_files import content_hash, require_files

MODEL_FILES = ("generator.json", "gru.bin", "gru.xml")
BATCH = 1024


@dataclass(frozen=True)
class LanguageModel:
    """A network that predicts the next character from one character and a state.

    Attributes:
        step: Compiled network: `token` int32 [n] and `state` float32 [n, units] to `logits` float32
            [n, tokens] and `next_state`.
        vocabulary: Characters by token.
        units: Size of the state.
        max_length: Length of the longest training name.
        thread_local: Inference request of each thread, so that its memory is allocated once.
    """

    step: ov.CompiledModel
    vocabulary: Vocabulary
    units: int
    max_length: int
    thread_local: threading.local = field(default_factory=threading.local)


def model_hash(directory: Path) -> str:
    """Return the SHA-256 of a trained generator: its network and its vocabulary."""
    return content_hash(directory / name for name in MODEL_FILES)


def load_language_model(directory: Path) -> LanguageModel:
    """Load the exported network and its vocabulary.

    Raises:
        UserError: A file is missing, or another version wrote `generator.json`.
    """
    require_files((directory / name for name in MODEL_FILES), "generator")
    settings = read_json(directory / "generator.json")
    # One thread: a step takes microseconds, and results do not depend on the number of cores. Without
    # pinning, because it costs more than it gains and binds the threads of all callers to the same core.
    hints = {
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    return LanguageModel(
        vocabulary=Vocabulary(tuple(settings["characters"])),
        units=settings["units"],
        max_length=settings["max_length"],
        step=ov.Core().compile_model(directory / "gru.xml", "CPU", hints),
    )


def start_batch(
    model: LanguageModel, names: int
) -> tuple[ov.InferRequest, Float32[np.ndarray, "names units"]]:
    """Return the thread's inference request and the initial state of a batch."""
    if not hasattr(model.thread_local, "request"):
        model.thread_local.request = model.step.create_infer_request()
    return model.thread_local.request, np.zeros((names, model.units), np.float32)


def run_step(
    request: ov.InferRequest, tokens: Int[np.ndarray, " names"], state: Float32[np.ndarray, "names units"]
) -> tuple[Float64[np.ndarray, "names tokens"], Float32[np.ndarray, "names units"]]:
    """Feed one token of each name to the network.

    Args:
        request: Inference request from `start_batch`.
        tokens: One token of each name.
        state: State from `start_batch` or the previous step.

    Returns:
        The logits of the next token, and the next state.
    """
    # Binding tensors saves a tenth of the step over passing a dictionary of arrays. They do not own their
    # memory, so the arrays must outlive the step.
    tokens = tokens.astype(np.int32)
    request.set_tensor("token", ov.Tensor(tokens, shared_memory=True))
    request.set_tensor("state", ov.Tensor(state, shared_memory=True))
    request.infer(share_outputs=True)
    logits, next_state = (request.get_tensor(name).data for name in ("logits", "next_state"))
    return logits.astype(np.float64), next_state.copy()


def name_nats(model: LanguageModel, texts: Sequence[str]) -> Float64[np.ndarray, " texts"]:
    """Return the negative log-probability of each text, including its stop token, in nats."""
    batches = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    return np.concatenate([_batch_nats(model, batch) for batch in batches])


def _batch_nats(model: LanguageModel, texts: Sequence[str]) -> Float64[np.ndarray, " texts"]:
    inputs, targets, weights = pad(encode(model.vocabulary, texts))
    request, state = start_batch(model, len(texts))
    nats = np.zeros(len(texts))
    for step in range(inputs.shape[1]):
        logits, state = run_step(request, inputs[:, step], state)
        log_probabilities = log_softmax(logits)
        nats -= weights[:, step] * log_probabilities[np.arange(len(texts)), targets[:, step]]
    return nats


def log_softmax(logits: Float[np.ndarray, "n tokens"]) -> Float[np.ndarray, "n tokens"]:
    """Return log-probabilities from logits without overflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
