"""Stage `train_generator`: a GRU that predicts the next character of a name.

It starts from the network that has read English words, learns from the names while one generation after the
other is held out, to see when to stop, and then learns from all names for that long.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.command import run_command
from herodex.determinism import seed_keras
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.generator.folds import Fold, make_folds
from herodex.generator.language_model import model_hash
from herodex.generator.metrics import measure_folds
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.network import build_network, build_step_network, character_coverage, transfer_weights
from herodex.generator.plots import history_figure
from herodex.generator.training_loop import (
    CLIP_NORM,
    compile_network,
    nats_per_character,
    shuffled_batches,
    text_nats,
    train_epoch,
)
from herodex.generator.vocabulary import Vocabulary, build_vocabulary, encode, pad
from herodex.params import DropoutParams, NetworkParams, TrainGeneratorParams, load_params
from herodex.plotting import save_figure

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

MIN_COVERAGE = 0.5
"""Share of the names' characters that the pretrained network must know to be of use."""
SORTED_BATCHES = 4
MIN_STEPS = 12
"""Batches of an epoch, at least: a short list is read in smaller ones."""


class TrainingResult(NamedTuple):
    """A trained network and how it came about.

    Attributes:
        history: `epoch`, `train_nats` (measured with dropout, as the epoch went on) and `validation_nats`,
            both nats a character over all folds, stops included.
        held_out: `fold`, `text` and the `nats` that each text cost the network that had not seen it, at the
            epoch that was kept.
    """

    network: "keras.Model"
    history: pd.DataFrame
    held_out: pd.DataFrame


def load_pretrained(directory: Path, sizes: NetworkParams) -> tuple["keras.Model", Vocabulary] | None:
    """Load the network that has read words, and its vocabulary; None where there were no words.

    Raises:
        UserError: it is missing.
    """
    record = directory / "pretrained.json"
    if not record.exists():
        raise UserError(f"{record} is missing.", "Run `dvc repro`, which makes it.")
    vocabulary = Vocabulary(tuple(json.loads(record.read_text(encoding="utf-8"))["characters"]))
    if not vocabulary.characters:
        return None
    network = build_network(
        vocabulary.size, sizes, DropoutParams(embedding_dropout=0, dropout=0, recurrent_dropout=0)
    )
    network.load_weights(directory / "gru.weights.h5")
    return network, vocabulary


def initialise(
    vocabulary: Vocabulary,
    texts: list[str],
    pretrained: tuple["keras.Model", Vocabulary] | None,
    sizes: NetworkParams,
    params: TrainGeneratorParams,
) -> "keras.Model":
    """Build the network that is to learn names, with what the pretrained one knows if that is of use."""
    import keras

    network = build_network(vocabulary.size, sizes, params)
    if pretrained and character_coverage(pretrained[1], texts) >= MIN_COVERAGE:
        transfer_weights(*pretrained, network, vocabulary)
        log.info("starting from the network that has read words")
    else:
        log.info("starting from scratch: the names are written in other characters than the words")
    optimizer = keras.optimizers.Adam(
        params.learning_rate, clipnorm=CLIP_NORM, use_ema=True, ema_momentum=params.averaging
    )
    optimizer.build(network.trainable_variables)
    compile_network(network, optimizer)
    return network


class Trainer:
    """One network that learns several times over, each time from the same start.

    To build and trace a network takes longer than to learn from some hundred names, so the folds share one
    and take turns: `save` and `restore` put all that changes in learning aside and back.
    """

    def __init__(self, network: "keras.Model", vocabulary: Vocabulary, params: TrainGeneratorParams) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.params = params

    def save(self) -> list[np.ndarray]:
        """Copy the network's and the optimizer's variables."""
        return [variable.numpy() for variable in self._variables()]

    def restore(self, state: list[np.ndarray]) -> None:
        """Set the variables to what `save` gave."""
        for variable, value in zip(self._variables(), state, strict=True):
            variable.assign(value)

    def read(self, texts: list[str], rng: np.random.Generator, label: str = "") -> float:
        """Learn from each text once; gives nats a character, measured with dropout on the way."""
        size = min(self.params.batch_size, max(1, len(texts) // MIN_STEPS))
        batches = shuffled_batches(encode(self.vocabulary, texts), size, SORTED_BATCHES, rng)
        return train_epoch(self.network, batches, -(-len(texts) // size), label)

    def average(self) -> None:
        """Put the running means of the weights in the place of the weights."""
        self.network.optimizer.finalize_variable_values(self.network.trainable_variables)

    def held_out_nats(self, texts: list[str]) -> np.ndarray:
        """What texts cost the averaged network, float [texts]; the network learns on as it was."""
        state = self.save()
        self.average()
        nats = text_nats(self.network, self.vocabulary, texts)
        self.restore(state)
        return nats

    def _variables(self) -> list["keras.Variable"]:
        return [*self.network.trainable_variables, *self.network.optimizer.variables]


def cross_validate(trainer: Trainer, folds: list[Fold], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learn in all folds side by side until their held-out texts together stop getting likelier.

    Returns:
        `history` and `held_out` of TrainingResult.
    """
    params = trainer.params
    start = trainer.save()
    states = {fold.name: start for fold in folds}
    rngs = {fold.name: np.random.default_rng((seed, place)) for place, fold in enumerate(folds)}
    texts = [text for fold in folds for text in fold.held_out]
    history: list[dict[str, float]] = []
    best = np.inf
    kept = np.zeros(len(texts))
    for epoch in range(1, params.epochs + 1):
        trained, costs = [], []
        for fold in folds:
            trainer.restore(states[fold.name])
            label = f"names, epoch {epoch}" if len(folds) == 1 else ""
            trained.append(trainer.read(fold.train, rngs[fold.name], label))
            costs.append(trainer.held_out_nats(fold.held_out))
            states[fold.name] = trainer.save()
        nats = nats_per_character(np.concatenate(costs), texts)
        history.append({"epoch": epoch, "train_nats": float(np.mean(trained)), "validation_nats": nats})
        log.info(
            "epoch %d: %.3f nats a character, %.3f on names held out", epoch, *list(history[-1].values())[1:]
        )
        if nats < best:
            best, kept = nats, np.concatenate(costs)
        elif epoch - 1 - int(np.argmin([row["validation_nats"] for row in history])) >= params.patience:
            break
    trainer.restore(start)
    names = [fold.name for fold in folds for _ in fold.held_out]
    held_out = pd.DataFrame({"fold": names, "text": texts, "nats": kept})
    return pd.DataFrame(history).round(6), held_out.round(6)


def fit(
    network: "keras.Model",
    vocabulary: Vocabulary,
    folds: list[Fold],
    texts: list[str],
    params: TrainGeneratorParams,
    seed: int,
) -> TrainingResult:
    """Find out in the folds how many epochs are best, then learn from all texts for so long.

    Args:
        network: from `initialise`.
        vocabulary: its tokens.
        folds: texts held out in turn.
        texts: all of them.
        params: how to learn.
        seed: another seed learns in another order.
    """
    trainer = Trainer(network, vocabulary, params)
    history, held_out = cross_validate(trainer, folds, seed)
    train_on_all(trainer, texts, int(np.argmin(history["validation_nats"])) + 1, seed)
    return TrainingResult(network, history, held_out)


def train_on_all(trainer: Trainer, texts: list[str], epochs: int, seed: int) -> None:
    """Learn from all texts for some epochs, and keep the running means of the weights."""
    rng = np.random.default_rng((seed, epochs))
    for epoch in range(1, epochs + 1):
        trainer.read(texts, rng, f"all names, epoch {epoch} of {epochs}")
    trainer.average()


def write_model(network: "keras.Model", vocabulary: Vocabulary, max_length: int, directory: Path) -> None:
    """Write the network's Keras weights, its single step as IR, and `generator.json` with the vocabulary.

    Args:
        network: from `fit`.
        vocabulary: its tokens.
        max_length: characters at which a sampled name is cut off.
        directory: where to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    network.save_weights(directory / "gru.weights.h5")
    export_ir(build_step_network(network), directory / "gru.xml")
    units = network.get_layer("gru").units
    record = {"characters": list(vocabulary.characters), "units": units, "max_length": max_length}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (directory / "generator.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Train on the names outside the test part; write the model, its history and what held-out names cost."""
    params = load_params()
    settings, sizes = params.generator.train, params.generator.network
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    texts = texts_of(rows, "train", "validation")
    pretrained = load_pretrained(paths.PRETRAINED, sizes)
    vocabulary = build_vocabulary(texts)
    folds = make_folds(rows, settings.max_folded, settings.folds, params.seed)
    with tracking.run("train_generator", settings) as run:
        seed_keras(params.seed)
        network = initialise(vocabulary, texts, pretrained, sizes, settings)
        fitted = fit(network, vocabulary, folds, texts, settings, params.seed)

        write_model(network, vocabulary, max(map(len, texts)), paths.GENERATOR)
        folder = paths.GENERATOR_REPORTS
        folder.mkdir(parents=True, exist_ok=True)
        fitted.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
        fitted.held_out.to_csv(folder / "cross_validation.csv", index=False, lineterminator="\n")
        figures = measure_folds(fitted.held_out, params.seed)
        text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
        (folder / "validation.json").write_text(text, encoding="utf-8")
        save_figure(history_figure(fitted.history), folder / "history.png")

        run.metrics({"cross_validation": figures["nats"]["value"]})
        for name in ("train_nats", "validation_nats"):
            run.metric_by_epoch(name, fitted.history[name].tolist())
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(paths.GENERATOR)
        run.artifact(folder / "history.png")
        run.keras_model(network, "gru", pad(encode(vocabulary, texts[:2]))[0])
    best = fitted.history.iloc[int(np.argmin(fitted.history["validation_nats"]))]
    log.info("best of %d epochs over %d folds: %s", len(fitted.history), len(folds), best.to_dict())


if __name__ == "__main__":
    run_command(main)
