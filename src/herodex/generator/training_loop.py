"""Training loop and cross-entropy of the network, shared by pretraining and training."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from jaxtyping import Float64
from scipy import special

from herodex.generator.training_step import TrainingStep
from herodex.generator.vocabulary import Vocabulary, encode, pad
from herodex.progress import track

if TYPE_CHECKING:
    import keras

CLIP_NORM = 1.0
"""Maximum norm of the gradient, so that one unusual batch cannot undo the training."""
EVALUATION_BATCH = 1024


def shuffled_batches(
    sequences: Sequence[list[int]], batch_size: int, sorted_batches: int, rng: np.random.Generator
) -> Iterator[list[list[int]]]:
    """Divide sequences into batches in random order.

    Args:
        sequences: Sequences of tokens.
        batch_size: Sequences per batch; the last batch may have fewer.
        sorted_batches: Number of consecutive batches whose sequences are sorted by length, to reduce padding.
        rng: Random number generator.
    """
    order = rng.permutation(len(sequences))
    lengths = np.array([len(sequence) for sequence in sequences])
    span = batch_size * sorted_batches
    batches: list[list[int]] = []
    for start in range(0, len(order), span):
        chosen = order[start : start + span]
        if sorted_batches > 1:
            chosen = chosen[np.argsort(lengths[chosen], kind="stable")]
        batches += [
            chosen[first : first + batch_size].tolist() for first in range(0, len(chosen), batch_size)
        ]
    for place in rng.permutation(len(batches)):
        yield [sequences[index] for index in batches[int(place)]]


def train_epoch(
    train_step: TrainingStep,
    batches: Iterator[list[list[int]]],
    steps: int,
    rng: np.random.Generator,
    label: str = "",
) -> float:
    """Train a network on each batch once.

    Args:
        train_step: Step from `build_training_step`.
        batches: Sequences of tokens that end with EDGE.
        steps: Number of batches.
        rng: Random number generator of the dropout masks.
        label: Label of the progress line; without a label there is none.

    Returns:
        The training cross-entropy in nats per character, with dropout.
    """
    nats, characters = 0.0, 0.0
    for batch in track(batches, steps, label, "batches") if label else batches:
        inputs, targets, weights = pad(batch)
        nats += float(train_step(inputs, targets, weights, rng.integers(2**31, size=2, dtype=np.int32)))
        characters += float(weights.sum())
    return nats / characters


def text_nats(
    network: "keras.Model", vocabulary: Vocabulary, texts: Sequence[str]
) -> Float64[np.ndarray, " texts"]:
    """Return the negative log-probability of each text, including its stop token, in nats."""
    totals: list[Float64[np.ndarray, " batch"]] = []
    for first in range(0, len(texts), EVALUATION_BATCH):
        inputs, targets, weights = pad(encode(vocabulary, texts[first : first + EVALUATION_BATCH]))
        logits = network.predict_on_batch(inputs).astype(np.float64)
        log_probabilities = cast(Any, special).log_softmax(logits, axis=-1)
        chosen = np.take_along_axis(log_probabilities, targets[:, :, None], axis=2)[:, :, 0]
        totals.append(-(chosen * weights).sum(axis=1))
    return np.concatenate(totals)


def nats_per_character(nats: Float64[np.ndarray, " texts"], texts: Sequence[str]) -> float:
    """Return the mean nats per character, counting stop tokens as characters."""
    return float(nats.sum() / sum(len(text) + 1 for text in texts))
