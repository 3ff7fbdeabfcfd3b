"""Training on a list of names that is too long for cross-validation."""

import logging
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from herodex.generator.folds import Fold, random_groups
from herodex.generator.initial_weights import Pretrained, covers, initialise
from herodex.generator.metrics import count_characters
from herodex.generator.model_selection import select
from herodex.generator.network import build_network, transfer_weights
from herodex.generator.pretrain import SORTED_BATCHES, build_optimizer
from herodex.generator.split import hash_sample
from herodex.generator.trainer import TrainingResult
from herodex.generator.training_loop import (
    compile_network,
    nats_per_character,
    shuffled_batches,
    text_nats,
    train_epoch,
)
from herodex.generator.vocabulary import build_vocabulary, encode
from herodex.params import LongListParams, NetworkParams, TrainGeneratorParams

log = logging.getLogger(__name__)

TRIAL_SAMPLE = 2000
"""Number of names of the list that initial weights are compared on."""
TRIAL_PARTS = 4
"""Number of parts of that sample; one of them is held out."""
WARM_UP_STEPS, TIMED_STEPS = 5, 30
"""Steps before and during the measurement for the estimate of the training time."""


def fit_long_list(
    fold: Fold, pretrained: Pretrained | None, sizes: NetworkParams, params: TrainGeneratorParams, seed: int
) -> TrainingResult:
    """Train a larger network once, on a fixed schedule; the held-out texts select nothing.

    Args:
        fold: The texts to train on, and the validation part.
        pretrained: The pretrained network, if any.
        sizes: Sizes of the pretrained network.
        params: Training settings.
        seed: Seed of the batch order.
    """
    schedule = params.long_list
    vocabulary = build_vocabulary([*fold.train, *fold.held_out])
    record = try_starts(fold.train, pretrained, sizes, params, seed)
    units = max(sizes.units, schedule.units)
    network = build_network(vocabulary.size, sizes.model_copy(update={"units": units}), schedule)
    if pretrained and record["selected"] == "pretrained":
        transfer_weights(*pretrained, network, vocabulary)
    epochs = count_epochs(fold.train, schedule)
    steps = math.ceil(len(fold.train) / schedule.batch_size)
    compile_network(network, build_optimizer(schedule, epochs * steps))
    log.info("%d names: %d epochs of %d batches, %d units", len(fold.train), epochs, steps, units)
    rng = np.random.default_rng(seed)
    sequences = encode(vocabulary, fold.train)
    history: list[dict[str, float]] = []
    nats = np.zeros(len(fold.held_out))
    for epoch in range(1, epochs + 1):
        batches = shuffled_batches(sequences, schedule.batch_size, SORTED_BATCHES, rng)
        timed = log_estimate(batches, epochs * steps) if epoch == 1 else batches
        train_nats = train_epoch(network, timed, steps, f"names, epoch {epoch} of {epochs}")
        nats = text_nats(network, vocabulary, fold.held_out)
        held_out_nats = nats_per_character(nats, fold.held_out)
        history.append({"epoch": epoch, "train_nats": train_nats, "validation_nats": held_out_nats})
        log.info(
            "epoch %d: %.3f nats per character, %.3f on held-out names", epoch, train_nats, held_out_nats
        )
    held_out = pd.DataFrame({"fold": fold.name, "text": fold.held_out, "nats": nats}).round(6)
    return TrainingResult(network, pd.DataFrame(history).round(6), held_out, record)


def try_starts(
    texts: list[str],
    pretrained: Pretrained | None,
    sizes: NetworkParams,
    params: TrainGeneratorParams,
    seed: int,
) -> dict[str, Any]:
    """Compare initial weights on a sample of the texts; return the record of `select`."""
    if not covers(pretrained, texts):
        return {"selected": "random", "compared": False}
    chosen = hash_sample(texts, min(1.0, TRIAL_SAMPLE / len(texts)), seed, "trial")
    sample = [text for text in texts if text in chosen]
    name, held_out = next(iter(random_groups(sample, TRIAL_PARTS, seed).items()))
    fold = Fold(name, [text for text in sample if text not in held_out], sorted(held_out))
    trainer, starts = initialise(build_vocabulary(texts), sample, pretrained, sizes, params)
    return select(trainer, starts, [fold], seed).record


def count_epochs(texts: list[str], params: LongListParams) -> int:
    """Return the number of epochs that `max_characters` allows, at least 1."""
    characters = int(count_characters(texts).sum())
    return max(1, min(params.epochs, params.max_characters // characters))


def log_estimate(batches: Iterator[list[list[int]]], steps: int) -> Iterator[list[list[int]]]:
    """Yield the batches, and log the expected training time after the first ones.

    Args:
        batches: Batches of the first epoch.
        steps: Number of batches of all epochs.
    """
    started = time.perf_counter()
    for place, batch in enumerate(batches):
        if place == WARM_UP_STEPS:
            started = time.perf_counter()
        if place == WARM_UP_STEPS + TIMED_STEPS:
            minutes = (time.perf_counter() - started) / TIMED_STEPS * steps / 60
            log.info("training takes about %.0f min on this machine", max(1, minutes))
        yield batch
