"""Training on a list of names that is too long for cross-validation."""

import logging
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

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
    nats_per_character,
    shuffled_batches,
    text_nats,
    train_epoch,
)
from herodex.generator.training_step import build_training_step
from herodex.generator.vocabulary import build_vocabulary, encode
from herodex.params import LongListParams, NetworkParams, TrainGeneratorParams

log = logging.getLogger(__name__)

TRIAL_SAMPLE = 2000
"""Number of names of the list that initial weights are compared on."""
TRIAL_PARTS = 4
"""Number of parts of that sample; one of them is held out."""
WARM_UP_STEPS, TIMED_STEPS = 5, 30
"""Steps before and during the measurement for the estimate of the training time."""
SECONDS_PER_CHARACTER, UNITS, GROWTH = 85e-6, 384, 1.5
"""Time of training on 2 busy cores without AMX at that size, and the power of the size that it grows with.

A network of 256 units took 114 s where one of 384 took 216 s.
"""
LONG_MINUTES = 20
"""Training time above which a setting is named that makes it shorter."""


class Workload(NamedTuple):
    """How much a network is trained: epochs, batches per epoch, characters per epoch, and its units."""

    epochs: int
    steps: int
    characters: int
    units: int


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
    work = plan(fold.train, sizes, schedule)
    log.info(
        "%d names: %d epochs of %d batches, %d units", len(fold.train), work.epochs, work.steps, work.units
    )
    log.info("training takes roughly %s; an estimate follows", describe_time(rough_minutes(work), work))
    record = try_starts(fold.train, pretrained, sizes, params, seed)
    network = build_network(vocabulary.size, sizes.model_copy(update={"units": work.units}), schedule)
    if pretrained and record["selected"] == "pretrained":
        transfer_weights(*pretrained, network, vocabulary)
    network.compile(optimizer=build_optimizer(schedule, work.epochs * work.steps))
    train_step = build_training_step(network)
    rng = np.random.default_rng(seed)
    sequences = encode(vocabulary, fold.train)
    history: list[dict[str, float]] = []
    nats = np.zeros(len(fold.held_out))
    for epoch in range(1, work.epochs + 1):
        batches = shuffled_batches(sequences, schedule.batch_size, SORTED_BATCHES, rng)
        timed = log_estimate(batches, work) if epoch == 1 else batches
        train_nats = train_epoch(train_step, timed, work.steps, rng, f"names, epoch {epoch} of {work.epochs}")
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


def plan(texts: list[str], sizes: NetworkParams, params: LongListParams) -> Workload:
    """Plan the training: as many epochs as `max_characters` allows, at least 1."""
    characters = int(count_characters(texts).sum())
    return Workload(
        epochs=max(1, min(params.epochs, params.max_characters // characters)),
        steps=math.ceil(len(texts) / params.batch_size),
        characters=characters,
        units=max(sizes.units, params.units),
    )


def rough_minutes(work: Workload) -> float:
    """Estimate the training time on 2 cores without a measurement."""
    growth = (work.units / UNITS) ** GROWTH
    return work.epochs * work.characters * SECONDS_PER_CHARACTER * growth / 60


def describe_time(minutes: float, work: Workload) -> str:
    """Describe the training time; if it is long, say which setting makes it shorter."""
    time_taken = f"{max(1, minutes):.0f} min"
    if minutes <= LONG_MINUTES:
        return time_taken
    if work.epochs == 1:
        return (
            f"{time_taken} for a single epoch; a lower generator.train.long_list.units or a shorter list"
            " makes it shorter"
        )
    characters = work.epochs * work.characters * LONG_MINUTES / minutes
    return (
        f"{time_taken}; generator.train.long_list.max_characters: {characters:.0f} makes it about"
        f" {LONG_MINUTES} min, by fewer epochs"
    )


def log_estimate(batches: Iterator[list[list[int]]], work: Workload) -> Iterator[list[list[int]]]:
    """Yield the batches of the first epoch, and log the expected training time after some of them."""
    started = time.perf_counter()
    for place, batch in enumerate(batches):
        if place == WARM_UP_STEPS:
            started = time.perf_counter()
        if place == WARM_UP_STEPS + TIMED_STEPS:
            minutes = (time.perf_counter() - started) / TIMED_STEPS * work.epochs * work.steps / 60
            log.info("training takes about %s on this machine", describe_time(minutes, work))
        yield batch
