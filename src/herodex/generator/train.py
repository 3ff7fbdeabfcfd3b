"""Stage `train_generator`: train a GRU that predicts the next character of a name.

Training starts from the pretrained network or from random weights. Cross-validation selects which, and the
number of epochs; the final network is then trained on all names outside the test part for that many epochs.
Long lists are trained on once, on a fixed schedule, and the validation part alone is held out.
"""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from herodex import paths, tracking
from herodex.command import run_command
from herodex.determinism import seed_keras, use_portable_kernels
from herodex.export import export_ir
from herodex.generator.folds import Fold, make_folds
from herodex.generator.initial_weights import initialise, load_pretrained
from herodex.generator.language_model import model_hash
from herodex.generator.long_list import fit_long_list
from herodex.generator.metrics import cross_validation_metrics
from herodex.generator.model_selection import held_out_table, select
from herodex.generator.names_table import SPLIT_COLUMNS, Row, read_names, texts_of
from herodex.generator.network import build_step_network
from herodex.generator.plots import history_figure
from herodex.generator.trainer import Start, Trainer, TrainingResult
from herodex.generator.vocabulary import Vocabulary, build_vocabulary, encode, pad
from herodex.params import Params, load_params
from herodex.plotting import save_figure
from herodex.statistics import Estimate, in_words

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


def fit(
    trainer: Trainer, starts: list[Start], folds: list[Fold], texts: list[str], seed: int
) -> TrainingResult:
    """Select initial weights and the number of epochs by cross-validation, then train on all texts.

    Args:
        trainer: Trainer from `initialise`.
        starts: Initial weights from `initialise`.
        folds: Folds of the texts.
        texts: All texts.
        seed: Seed of the batch order.
    """
    selection = select(trainer, starts, folds, seed)
    validated = selection.cross_validation
    trainer.restore(selection.start.state)
    train_on_all(trainer, texts, validated.epochs, seed)
    return TrainingResult(trainer.network, validated.history, held_out_table(validated), selection.record)


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
    """Write the history, its plot and the cross-validation results.

    `selection.json` has the figure that experiments are compared by.
    """
    folder.mkdir(parents=True, exist_ok=True)
    result.history.to_csv(folder / "history.csv", index=False, lineterminator="\n")
    result.held_out.to_csv(folder / "cross_validation.csv", index=False, lineterminator="\n")
    text = json.dumps(figures, indent=2, ensure_ascii=False) + "\n"
    (folder / "validation.json").write_text(text, encoding="utf-8")
    nats = figures["nats"]
    selection = {"nats": nats["value"], "nats_low": nats["low"], "nats_high": nats["high"]}
    (folder / "selection.json").write_text(json.dumps(selection, indent=2) + "\n", encoding="utf-8")
    save_figure(history_figure(result.history), folder / "history.png")


def train(rows: list[Row], params: Params) -> tuple[TrainingResult, list[str]]:
    """Train on the names outside the test part; return the result and these names."""
    settings, sizes = params.generator.train, params.generator.network
    texts = texts_of(rows, "train", "validation")
    pretrained = load_pretrained(paths.PRETRAINED, sizes)
    folds = make_folds(rows, settings.max_folded, settings.folds, params.seed)
    seed_keras(params.seed)
    if len(texts) > settings.max_folded:
        return fit_long_list(folds[0], pretrained, sizes, settings, params.seed), texts
    trainer, starts = initialise(build_vocabulary(texts), texts, pretrained, sizes, settings)
    return fit(trainer, starts, folds, texts, params.seed), texts


def main() -> None:
    """Train on the names outside the test part; write the model, its history and cross-validation results."""
    params = load_params()
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    use_portable_kernels()
    with tracking.run("train_generator", params.generator.train) as run:
        result, texts = train(rows, params)
        vocabulary = build_vocabulary(texts)
        write_model(result.network, vocabulary, max(map(len, texts)), paths.GENERATOR)
        figures = cross_validation_metrics(result.held_out, params.seed)
        nats: Estimate = figures["nats"]
        write_reports(result, figures | {"start": result.start}, paths.GENERATOR_REPORTS)

        run.metrics({"cross_validation": nats["value"]})
        for name in ("train_nats", "validation_nats"):
            run.metric_by_epoch(name, result.history[name].tolist())
        run.tags({"model": model_hash(paths.GENERATOR), "start": result.start["selected"]})
        run.artifact(paths.GENERATOR)
        run.artifact(paths.GENERATOR_REPORTS / "history.png")
        run.artifact(paths.GENERATOR_REPORTS / "cross_validation.csv")
        run.keras_model(result.network, "gru", pad(encode(vocabulary, texts[:2]))[0])
    selected, epochs = result.start["selected"], len(result.history)
    log.info("%s weights, %d epochs: nats per character %s", selected, epochs, in_words(nats))


if __name__ == "__main__":
    run_command(main)
