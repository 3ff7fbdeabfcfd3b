"""One Keras network that is trained several times, from several initial weights."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64, Num

from herodex.generator.training_loop import shuffled_batches, text_nats, train_epoch
from herodex.generator.training_step import build_training_step
from herodex.generator.vocabulary import Vocabulary, encode
from herodex.params import TrainGeneratorParams

if TYPE_CHECKING:
    import keras

SORTED_BATCHES = 4
MIN_STEPS = 12
"""Minimum number of batches per epoch; short lists use smaller batches."""


class TrainingResult(NamedTuple):
    """A trained network with its history and held-out cross-entropy.

    Attributes:
        network: Network trained on all names, or on all but the validation part of a long list.
        history: `epoch`, `train_nats` (with dropout) and `validation_nats`, in nats per character over all
            folds.
        held_out: `fold`, `text` and `nats` of each held-out text.
        start: Figures of the selection of the initial weights.
    """

    network: "keras.Model"
    history: pd.DataFrame
    held_out: pd.DataFrame
    start: dict[str, Any]


class Start(NamedTuple):
    """Initial weights by name: `pretrained` or `random`; `state` is one of `Trainer.save`."""

    name: str
    state: list[Num[np.ndarray, "..."]]


class Trainer:
    """One network that is trained several times from the same initial state.

    Building and tracing a network takes longer than training it on a few hundred names, so the folds take
    turns on one network: `save` and `restore` exchange its variables and those of the optimizer.
    """

    def __init__(self, network: "keras.Model", vocabulary: Vocabulary, params: TrainGeneratorParams) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.params = params
        self.train_step = build_training_step(network)

    def save(self) -> list[Num[np.ndarray, "..."]]:
        """Copy the variables of the network and the optimizer."""
        return [np.asarray(variable.numpy()) for variable in self._variables()]

    def restore(self, state: list[Num[np.ndarray, "..."]]) -> None:
        """Set the variables to a state from `save`."""
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)

    def train(self, texts: list[str], rng: np.random.Generator, label: str = "") -> float:
        """Train for one epoch; return the cross-entropy, with dropout."""
        size = min(self.params.batch_size, max(1, len(texts) // MIN_STEPS))
        batches = shuffled_batches(encode(self.vocabulary, texts), size, SORTED_BATCHES, rng)
        return train_epoch(self.train_step, batches, -(-len(texts) // size), rng, label)

    def average(self) -> None:
        """Replace the weights by their exponential moving averages."""
        network = self.network
        network.optimizer.finalize_variable_values(network.trainable_variables)

    def averaged_nats(self, texts: list[str]) -> Float64[np.ndarray, " texts"]:
        """Replace the weights by their averages; return the nats of texts under them."""
        self.average()
        return text_nats(self.network, self.vocabulary, texts)

    def _variables(self) -> list[Any]:
        network = self.network
        return [*network.trainable_variables, *network.optimizer.variables]
