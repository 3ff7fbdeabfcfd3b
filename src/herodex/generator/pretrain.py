"""Stage `pretrain_generator`: train the network on words before it is trained on names."""

import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.command import run_command
from herodex.determinism import seed_keras, use_portable_kernels
from herodex.generator.network import build_network
from herodex.generator.plots import history_figure
from herodex.generator.training_loop import (
    CLIP_NORM,
    nats_per_character,
    shuffled_batches,
    text_nats,
    train_epoch,
)
from herodex.generator.training_step import build_training_step
from herodex.generator.vocabulary import Vocabulary, build_vocabulary, encode
from herodex.generator.words_list import read_words
from herodex.params import NetworkParams, PretrainParams, ScheduleParams, load_params
from herodex.plotting import save_figure

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

VALIDATION_EVERY = 100
"""Every 100th word is held out for validation."""
WARM_UP = 100
"""Steps over which the learning rate rises."""
SORTED_BATCHES = 20


def fit(
    words: list[str], sizes: NetworkParams, params: PretrainParams, seed: int
) -> tuple["keras.Model", Vocabulary, pd.DataFrame]:
    """Train a network on words for `params.epochs` epochs.

    Returns:
        The network, its vocabulary, and a table with `epoch`, `train_nats` and `validation_nats`, both in
        nats per character.
    """
    seed_keras(seed)
    rng = np.random.default_rng(seed)
    validation = words[::VALIDATION_EVERY]
    train = [word for place, word in enumerate(words) if place % VALIDATION_EVERY]
    vocabulary = build_vocabulary(words)
    network = build_network(vocabulary.size, sizes, params)
    steps = math.ceil(len(train) / params.batch_size)
    network.compile(optimizer=build_optimizer(params, params.epochs * steps))
    train_step = build_training_step(network)
    sequences = encode(vocabulary, train)
    history: list[dict[str, float]] = []
    for epoch in range(1, params.epochs + 1):
        batches = shuffled_batches(sequences, params.batch_size, SORTED_BATCHES, rng)
        train_nats = train_epoch(train_step, batches, steps, rng, f"words, epoch {epoch} of {params.epochs}")
        nats = nats_per_character(text_nats(network, vocabulary, validation), validation)
        history.append({"epoch": epoch, "train_nats": train_nats, "validation_nats": nats})
        log.info("epoch %d: %.3f nats per character, %.3f on held-out words", epoch, train_nats, nats)
    return network, vocabulary, pd.DataFrame(history, columns=list(history[0])).round(6)


def build_optimizer(params: ScheduleParams, steps: int) -> "keras.Optimizer":
    """Build an Adam optimizer with warm-up and cosine decay over `steps`."""
    import keras

    schedule = keras.optimizers.schedules.CosineDecay(
        params.learning_rate / WARM_UP,
        decay_steps=max(1, steps - WARM_UP),
        alpha=0.02,
        warmup_target=params.learning_rate,
        warmup_steps=WARM_UP,
    )
    return keras.optimizers.Adam(schedule, clipnorm=CLIP_NORM)


def main() -> None:
    """Write the network's weights, characters and history; without words, an empty list of characters."""
    params = load_params()
    settings = params.generator.pretrain
    words = read_words(paths.WORDS)
    paths.PRETRAINED.mkdir(parents=True, exist_ok=True)
    if not words:
        write_characters(Vocabulary(()), paths.PRETRAINED)
        log.info("no pretraining: there are no words")
        return
    use_portable_kernels()
    with tracking.run("pretrain_generator", settings) as run:
        chosen = take_evenly(words, settings.max_words)
        network, vocabulary, history = fit(chosen, params.generator.network, settings, params.seed)
        network.save_weights(paths.PRETRAINED / "gru.weights.h5")
        write_characters(vocabulary, paths.PRETRAINED)
        history.to_csv(paths.PRETRAINED / "history.csv", index=False, lineterminator="\n")
        save_figure(history_figure(history), paths.PRETRAINED / "history.png")
        for name in ("train_nats", "validation_nats"):
            run.metric_by_epoch(name, history[name].tolist())
        run.artifact(paths.PRETRAINED)
    log.info("pretrained on %d words", len(chosen))


def take_evenly(words: list[str], limit: int) -> list[str]:
    """Take at most `limit` words at even distances from a list."""
    count = min(limit, len(words))
    return [words[place * len(words) // count] for place in range(count)]


def write_characters(vocabulary: Vocabulary, directory: Path) -> None:
    """Write the characters of the network's tokens."""
    text = json.dumps({"characters": list(vocabulary.characters)}, indent=2) + "\n"
    (directory / "pretrained.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
