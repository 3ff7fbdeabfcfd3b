"""The exported generator, run one character at a time. Imports only what the service's image holds."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino as ov

from herodex.generator.vocabulary import Vocabulary, encode, pad
from herodex.model_files import content_hash, require_files

MODEL_FILES = ("generator.json", "gru.bin", "gru.xml")
BATCH = 1024


@dataclass(frozen=True)
class LanguageModel:
    """A network that reads one character and says which comes next.

    Attributes:
        step: `token` int32 [n], `state` float32 [n, units] → `logits` float32 [n, tokens], `next_state`.
        max_length: characters of the longest name that it was trained on.
        of_thread: holds the request of each thread, whose memory is set up once.
    """

    step: ov.CompiledModel
    vocabulary: Vocabulary
    units: int
    max_length: int
    of_thread: threading.local = field(default_factory=threading.local)


def model_hash(directory: Path) -> str:
    """The sha256 of a trained generator: its network and its vocabulary."""
    return content_hash(directory / name for name in MODEL_FILES)


def load_language_model(directory: Path) -> LanguageModel:
    """Load the exported network and its vocabulary.

    Raises:
        UserError: a file is missing.
    """
    require_files((directory / name for name in MODEL_FILES), "generator")
    settings = json.loads((directory / "generator.json").read_text(encoding="utf-8"))
    # One thread: a step takes microseconds, and sums come out the same on any number of cores. To bind it to
    # a core and let it go again costs more than it gains, and binds the threads of all callers to the same.
    hints = {
        "INFERENCE_PRECISION_HINT": "f32",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    return LanguageModel(
        step=ov.Core().compile_model(directory / "gru.xml", "CPU", hints),
        vocabulary=Vocabulary(tuple(settings["characters"])),
        units=settings["units"],
        max_length=settings["max_length"],
    )


def start(model: LanguageModel, names: int) -> tuple[ov.InferRequest, np.ndarray]:
    """Begin to read names in step: the thread's own request, and the state at the start.

    The state is float32 [names, units].
    """
    if not hasattr(model.of_thread, "request"):
        model.of_thread.request = model.step.create_infer_request()
    return model.of_thread.request, np.zeros((names, model.units), np.float32)


def read(request: ov.InferRequest, tokens: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read one token of each name.

    Args:
        request: from `start`.
        tokens: int [names].
        state: float32 [names, units], from `start` or the last `read`.

    Returns:
        the logits of the next token, float64 [names, tokens], and the state after it.
    """
    # Tensors bound by hand: a dictionary of arrays costs a tenth of the step more. They do not own
    # their memory, so the arrays must outlive the step.
    tokens = tokens.astype(np.int32)
    request.set_tensor("token", ov.Tensor(tokens, shared_memory=True))
    request.set_tensor("state", ov.Tensor(state, shared_memory=True))
    request.infer(share_outputs=True)
    logits, next_state = (request.get_tensor(name).data for name in ("logits", "next_state"))
    return logits.astype(np.float64), next_state.copy()


def name_nats(model: LanguageModel, texts: Sequence[str]) -> np.ndarray:
    """What each text costs the model, float64 [n]: minus the log-probability of its tokens and the stop."""
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return np.concatenate([_batch_nats(model, batch) for batch in batches])


def _batch_nats(model: LanguageModel, texts: Sequence[str]) -> np.ndarray:
    inputs, targets, weights = pad(encode(model.vocabulary, texts))
    request, state = start(model, len(texts))
    nats = np.zeros(len(texts))
    for step in range(inputs.shape[1]):
        logits, state = read(request, inputs[:, step], state)
        log_probabilities = log_softmax(logits)
        nats -= weights[:, step] * log_probabilities[np.arange(len(texts)), targets[:, step]]
    return nats


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """The logarithms of the probabilities that logits [n, tokens] stand for, safe from overflow."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
