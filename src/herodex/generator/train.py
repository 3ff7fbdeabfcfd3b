"""Stage `train_generator`: train a GRU that predicts the next character of a name.

Training starts from the pretrained network. Cross-validation over generations selects the number of epochs;
the final network is then trained on all names outside the test part for that many epochs.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int, Num

from herodex import paths, tracking
from herodex.command import run_command
from herodex.determinism import seed_keras
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.generator.folds import Fold, make_folds
from herodex.generator.language_model import model_hash
from herodex.generator.metrics import cross_validation_metrics
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.network import (
    build_network,
    build_step_network,
    character_coverage,
    transfer_weights,
)
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
"""Minimum share of the names' characters in the pretrained vocabulary; below it, pretraining is not used."""
SORTED_BATCHES = 4
MIN_STEPS = 12
"""Minimum number of batches per epoch; short lists use smaller batches."""


class TrainingResult(NamedTuple):
    """A trained network with its history and held-out cross-entropy.

    Attributes:
        network: Network trained on all names.
        history: `epoch`, `train_nats` (with dropout) and `validation_nats`, in nats per character over all
            folds.
        held_out: `fold`, `text` and `nats` of each held-out text at the epoch that the other folds select.
    """

    network: "keras.Model"
    history: pd.DataFrame
    held_out: pd.DataFrame


def load_pretrained(directory: Path, sizes: NetworkParams) -> tuple["keras.Model", Vocabulary] | None:
    """Load the pretrained network and its vocabulary; None if there were no words.

    Raises:
        UserError: The file is missing.
    """
    record = directory / "pretrained.json"
    if not record.exists():
        raise UserError(f"{record} is missing.", "Run `dvc repro`, which creates it.")
    vocabulary = Vocabulary(tuple(json.loads(record.read_text(encoding="utf-8"))["characters"]))
    if not vocabulary.characters:
        return None
    no_dropout = DropoutParams(embedding_dropout=0, dropout=0, recurrent_dropout=0)
    network = build_network(vocabulary.size, sizes, no_dropout)
    network.load_weights(directory / "gru.weights.h5")
    return network, vocabulary


def initialise(
    vocabulary: Vocabulary,
    texts: list[str],
    pretrained: tuple["keras.Model", Vocabulary] | None,
    sizes: NetworkParams,
    params: TrainGeneratorParams,
) -> "keras.Model":
    """Build and compile the network, with pretrained weights if they cover the names' characters."""
    import keras

    network = build_network(vocabulary.size, sizes, params)
    if pretrained and character_coverage(pretrained[1], texts) >= MIN_COVERAGE:
        transfer_weights(*pretrained, network, vocabulary)
        log.info("starting from the pretrained network")
    else:
        log.info("starting from random weights: no pretrained network covers the names' characters")
    optimizer = keras.optimizers.Adam(
        params.learning_rate, clipnorm=CLIP_NORM, use_ema=True, ema_momentum=params.averaging
    )
    optimizer.build(network.trainable_variables)
    compile_network(network, optimizer)
    return network


class Trainer:
    """One network that is trained several times from the same initial state.

    Building and tracing a network takes longer than training it on a few hundred names, so the folds take
    turns on one network: `save` and `restore` exchange its variables and those of the optimizer.
    """

    def __init__(self, network: "keras.Model", vocabulary: Vocabulary, params: TrainGeneratorParams) -> None:
        self.network = network
        self.vocabulary = vocabulary
        self.params = params

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
        return train_epoch(self.network, batches, -(-len(texts) // size), label)

    def average(self) -> None:
        """Replace the weights by their exponential moving averages."""
        network = self.network
        network.optimizer.finalize_variable_values(network.trainable_variables)

    def averaged_nats(self, texts: list[str]) -> Float64[np.ndarray, " texts"]:
        """Return the nats of texts under the averaged weights, without changing the network."""
        state = self.save()
        self.average()
        nats = text_nats(self.network, self.vocabulary, texts)
        self.restore(state)
        return nats

    def _variables(self) -> list[Any]:
        network = self.network
        return [*network.trainable_variables, *network.optimizer.variables]


def cross_validate(trainer: Trainer, folds: list[Fold], seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train on all folds in parallel until their common validation cross-entropy stops falling.

    Returns:
        `history` and `held_out` of TrainingResult.
    """
    params = trainer.params
    initial = trainer.save()
    states = [initial] * len(folds)
    rngs = [np.random.default_rng((seed, place)) for place in range(len(folds))]
    texts = [text for fold in folds for text in fold.held_out]
    history: list[dict[str, float]] = []
    by_epoch: list[Float64[np.ndarray, " texts"]] = []
    best_epoch, best = 0, np.inf
    for epoch in range(1, params.epochs + 1):
        label = f"names, epoch {epoch}" if len(folds) == 1 else ""
        train_nats, nats = train_folds(trainer, folds, states, rngs, label)
        by_epoch.append(nats)
        validation_nats = nats_per_character(nats, texts)
        history.append({"epoch": epoch, "train_nats": train_nats, "validation_nats": validation_nats})
        log.info(
            "epoch %d: %.3f nats per character, %.3f on held-out names", epoch, train_nats, validation_nats
        )
        if validation_nats < best:
            best_epoch, best = epoch, validation_nats
        elif epoch - best_epoch >= params.patience:
            break
    trainer.restore(initial)
    names = [fold.name for fold in folds for _ in fold.held_out]
    place = np.repeat(np.arange(len(folds)), [len(fold.held_out) for fold in folds])
    held_out = pd.DataFrame({"fold": names, "text": texts, "nats": nested_nats(np.stack(by_epoch), place)})
    return pd.DataFrame(history).round(6), held_out.round(6)


def nested_nats(
    by_epoch: Float64[np.ndarray, "epochs texts"], fold: Int[np.ndarray, " texts"]
) -> Float64[np.ndarray, " texts"]:
    """Return the nats of each text at the epoch that the other folds select.

    The epoch with the least nats on the text's own fold would make the estimate too low. A single fold has no
    others, so it selects its epoch itself.

    Args:
        by_epoch: Nats of the held-out texts after each epoch.
        fold: Fold of each text.
    """
    nested = np.empty(by_epoch.shape[1])
    for own in (fold == place for place in np.unique(fold)):
        others = own if own.all() else ~own
        epoch = by_epoch[:, others].sum(axis=1).argmin()
        nested[own] = by_epoch[epoch, own]
    return nested


def train_folds(
    trainer: Trainer,
    folds: list[Fold],
    states: list[list[Num[np.ndarray, "..."]]],
    rngs: list[np.random.Generator],
    label: str,
) -> tuple[float, Float64[np.ndarray, " texts"]]:
    """Train for one epoch on each fold, and update its state.

    Returns:
        The mean training cross-entropy, and the nats of the held-out texts of all folds.
    """
    train_nats: list[float] = []
    held_out_nats: list[Float64[np.ndarray, " held_out"]] = []
    for place, fold in enumerate(folds):
        trainer.restore(states[place])
        train_nats.append(trainer.train(fold.train, rngs[place], label))
        held_out_nats.append(trainer.averaged_nats(fold.held_out))
        states[place] = trainer.save()
    return float(np.mean(train_nats)), np.concatenate(held_out_nats)


def fit(
    network: "keras.Model",
    vocabulary: Vocabulary,
    folds: list[Fold],
    texts: list[str],
    params: TrainGeneratorParams,
    seed: int,
) -> TrainingResult:
    """Select the number of epochs by cross-validation, then train on all texts.

    Args:
        network: Network from `initialise`.
        vocabulary: Vocabulary of the network.
        folds: Folds of the texts.
        texts: All texts.
        params: Training settings.
        seed: Seed of the batch order.
    """
    trainer = Trainer(network, vocabulary, params)
    history, held_out = cross_validate(trainer, folds, seed)
    train_on_all(trainer, texts, int(np.argmin(history["validation_nats"])) + 1, seed)
    return TrainingResult(network, history, held_out)


def train_on_all(trainer: Trainer, texts: list[str], epochs: int, seed: int) -> None:
    """Train on all texts and keep the averaged weights."""
    rng = np.random.default_rng((seed, epochs))
    for epoch in range(1, epochs + 1):
        trainer.train(texts, rng, f"all names, epoch {epoch} of {epochs}")
    trainer.average()


def write_model(network: "keras.Model", vocabulary: Vocabulary, max_length: int, directory: Path) -> None:
    """Write the Keras weights, the step network as OpenVINO IR, and `generator.json` with the vocabulary.

    Args:
        network: Network from `fit`.
        vocabulary: Vocabulary of the network.
        max_length: Maximum length of a sampled name.
        directory: Output folder.
    """
    directory.mkdir(parents=True, exist_ok=True)
    network.save_weights(directory / "gru.weights.h5")
    export_ir(build_step_network(network), directory / "gru.xml")
    units: int = network.get_layer("gru").units
    record = {"characters": list(vocabulary.characters), "units": units, "max_length": max_length}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (directory / "generator.json").write_text(text, encoding="utf-8")


def write_reports(result: TrainingResult, figures: dict[str, Any], folder: Path) -> None:
    """Write the history, its plot and the cross-validation results."""
    folder.mkdir(parents=True, exist_ok=True)
    result.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    result.held_out.to_csv(folder / "cross_validation.csv", index=False, lineterminator="\n")
    text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
    (folder / "validation.json").write_text(text, encoding="utf-8")
    save_figure(history_figure(result.history), folder / "history.png")


def main() -> None:
    """Train on the names outside the test part; write the model, its history and cross-validation results."""
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
        result = fit(network, vocabulary, folds, texts, settings, params.seed)
        write_model(network, vocabulary, max(map(len, texts)), paths.GENERATOR)
        figures = cross_validation_metrics(result.held_out, params.seed)
        write_reports(result, figures, paths.GENERATOR_REPORTS)

        run.metrics({"cross_validation": figures["nats"]["value"]})
        for name in ("train_nats", "validation_nats"):
            run.metric_by_epoch(name, result.history[name].tolist())
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(paths.GENERATOR)
        run.artifact(paths.GENERATOR_REPORTS / "history.png")
        run.artifact(paths.GENERATOR_REPORTS / "cross_validation.csv")
        run.keras_model(network, "gru", pad(encode(vocabulary, texts[:2]))[0])
    best = result.history.iloc[int(np.argmin(result.history["validation_nats"]))]
    log.info("best of %d epochs over %d folds: %s", len(result.history), len(folds), best.to_dict())


if __name__ == "__main__":
    run_command(main)
