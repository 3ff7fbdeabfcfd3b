"""How the network learns from texts, and what texts cost it: shared by pretraining and training."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from herodex.generator.vocabulary import Vocabulary, encode, pad
from herodex.progress import track

if TYPE_CHECKING:
    import keras

CLIP_NORM = 1.0
"""Length to which the gradient is cut, so that one odd batch cannot undo what was learnt."""
EVALUATION_BATCH = 1024


def compile_network(network: "keras.Model", optimizer: "keras.Optimizer") -> None:
    """Make a network ready for `train_epoch`: it learns to give the next token much probability."""
    import keras

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    nats = keras.metrics.SparseCategoricalCrossentropy("nats", from_logits=True)
    network.compile(optimizer=optimizer, loss=loss, weighted_metrics=[nats])


def shuffled_batches(
    sequences: Sequence[list[int]], batch_size: int, sorted_batches: int, rng: np.random.Generator
) -> Iterator[list[list[int]]]:
    """Put sequences into batches in a random order.

    Args:
        sequences: of tokens.
        batch_size: sequences a batch; the last may have fewer.
        sorted_batches: of so many batches' sequences, those of like length come together; that saves padding.
        rng: where chance comes from.
    """
    order = rng.permutation(len(sequences))
    lengths = np.array([len(sequence) for sequence in sequences])
    span = batch_size * sorted_batches
    batches = []
    for start in range(0, len(order), span):
        chosen = order[start : start + span]
        if sorted_batches > 1:
            chosen = chosen[np.argsort(lengths[chosen], kind="stable")]
        batches += [chosen[first : first + batch_size] for first in range(0, len(chosen), batch_size)]
    for place in rng.permutation(len(batches)):
        yield [sequences[index] for index in batches[place]]


def train_epoch(
    network: "keras.Model", batches: Iterator[list[list[int]]], steps: int, label: str = ""
) -> float:
    """Let a prepared network learn from each batch once.

    Args:
        network: from `compile_network`.
        batches: sequences of tokens that end with EDGE.
        steps: how many batches there are.
        label: what to call it where progress is shown; nothing is shown without.

    Returns:
        nats a character, stops included, measured with dropout as the reading went on.
    """
    network.reset_metrics()
    nats = float("nan")
    for batch in track(batches, steps, label, "batches") if label else batches:
        inputs, targets, weights = pad(batch)
        nats = network.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)["nats"]
    return float(nats)


def text_nats(network: "keras.Model", vocabulary: Vocabulary, texts: Sequence[str]) -> np.ndarray:
    """What each text costs a network, float64 [texts]: minus the log-probability of its tokens and stop."""
    from scipy.special import log_softmax

    costs = []
    for first in range(0, len(texts), EVALUATION_BATCH):
        inputs, targets, weights = pad(encode(vocabulary, texts[first : first + EVALUATION_BATCH]))
        log_probabilities = log_softmax(network.predict_on_batch(inputs).astype(np.float64), axis=-1)
        chosen = np.take_along_axis(log_probabilities, targets[:, :, None], axis=2)[:, :, 0]
        costs.append(-(chosen * weights).sum(axis=1))
    return np.concatenate(costs)


def nats_per_character(nats: np.ndarray, texts: Sequence[str]) -> float:
    """The mean of what texts cost, by character, stops counted as characters."""
    return float(nats.sum() / sum(len(text) + 1 for text in texts))
