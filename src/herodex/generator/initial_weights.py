"""Initial weights of the names' network: pretrained on words, or random."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from herodex.generator.network import build_network, character_coverage, transfer_weights
from herodex.generator.trainer import Start, Trainer
from herodex.generator.training_loop import CLIP_NORM
from herodex.generator.vocabulary import Vocabulary
from herodex.json_record import read_json
from herodex.params import DropoutParams, NetworkParams, TrainGeneratorParams

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

MIN_COVERAGE = 0.5
"""Minimum share of the names' characters in the pretrained vocabulary; below it, pretraining is not used."""

Pretrained = tuple["keras.Model", Vocabulary]


def load_pretrained(directory: Path, sizes: NetworkParams) -> Pretrained | None:
    """Load the pretrained network and its vocabulary; None if there were no words.

    Raises:
        UserError: Its record is missing or damaged.
    """
    vocabulary = Vocabulary(tuple(read_json(directory / "pretrained.json")["characters"]))
    if not vocabulary.characters:
        return None
    no_dropout = DropoutParams(embedding_dropout=0, dropout=0, recurrent_dropout=0)
    network = build_network(vocabulary.size, sizes, no_dropout)
    network.load_weights(directory / "gru.weights.h5")
    return network, vocabulary


def initialise(
    vocabulary: Vocabulary,
    texts: list[str],
    pretrained: Pretrained | None,
    sizes: NetworkParams,
    params: TrainGeneratorParams,
) -> tuple[Trainer, list[Start]]:
    """Build and compile a network, and list the initial weights to select from.

    Pretrained weights come first; they are left out if they do not cover the names' characters.
    """
    import keras

    network = build_network(vocabulary.size, sizes, params)
    random = network.get_weights()
    covered = covers(pretrained, texts)
    if pretrained and covered:
        transfer_weights(*pretrained, network, vocabulary)
    optimizer = keras.optimizers.Adam(
        params.learning_rate, clipnorm=CLIP_NORM, use_ema=True, ema_momentum=params.averaging
    )
    optimizer.build(network.trainable_variables)
    network.compile(optimizer=optimizer)
    trainer = Trainer(network, vocabulary, params)
    state = trainer.save()
    starts = [Start("pretrained", state)] if covered else []
    return trainer, [*starts, Start("random", [*random, *state[len(random) :]])]


def covers(pretrained: Pretrained | None, texts: list[str]) -> bool:
    """Return whether there is a pretrained network that knows most of the texts' characters."""
    return bool(pretrained) and character_coverage(pretrained[1], texts) >= MIN_COVERAGE
