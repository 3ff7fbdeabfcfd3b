"""Stage `train_generator`: a GRU that predicts the next character of a name."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.command import run_command
from herodex.export import export_ir
from herodex.figures import save_figure
from herodex.generator.language_model import model_hash
from herodex.generator.names_table import SPLIT_COLUMNS, read_names, texts_of
from herodex.generator.network import build_network, one_step
from herodex.generator.plots import history_figure
from herodex.generator.vocabulary import Vocabulary, build_vocabulary, encode, pad
from herodex.params import TrainGeneratorParams, load_params

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

LOG_EVERY = 10
"""Epochs between two log lines."""


def fit(
    train: list[str],
    validation: list[str],
    vocabulary: Vocabulary,
    params: TrainGeneratorParams,
    seed: int,
) -> tuple["keras.Model", pd.DataFrame]:
    """Train the network until the validation names stop getting likelier, and go back to its best epoch.

    Returns:
        the network, and a table with `epoch`, `train_nats` (measured with dropout, as the epoch went on)
        and `validation_nats`, both nats a character, stops included.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    network = build_network(vocabulary.size, params)
    network.compile(
        optimizer=keras.optimizers.Adam(params.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=[keras.metrics.SparseCategoricalCrossentropy("nats", from_logits=True)],
    )
    stop = keras.callbacks.EarlyStopping(
        "val_nats", mode="min", patience=params.patience, restore_best_weights=True
    )
    inputs, targets, weights = pad(encode(vocabulary, train))
    history = network.fit(
        inputs,
        targets,
        sample_weight=weights,
        validation_data=pad(encode(vocabulary, validation)),
        batch_size=params.batch_size,
        epochs=params.epochs,
        callbacks=[stop, keras.callbacks.LambdaCallback(on_epoch_end=log_epoch)],
        verbose=cast(Any, 0),
    ).history
    table = pd.DataFrame({"train_nats": history["nats"], "validation_nats": history["val_nats"]}).round(6)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return network, table


def log_epoch(epoch: int, figures: dict[str, float]) -> None:
    """Log now and then how training gets on; `epoch` counts from 0."""
    if (epoch + 1) % LOG_EVERY == 0:
        nats = figures["nats"], figures["val_nats"]
        log.info("epoch %d: %.3f nats a character, %.3f on validation", epoch + 1, *nats)


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
    export_ir(one_step(network), directory / "gru.xml")
    units = network.get_layer("gru").units
    record = {"characters": list(vocabulary.characters), "units": units, "max_length": max_length}
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (directory / "generator.json").write_text(text, encoding="utf-8")


def main() -> None:
    """Train on the training part; write the model, and the history with its plot."""
    params = load_params()
    settings = params.generator.train
    rows = read_names(paths.SPLIT_NAMES, SPLIT_COLUMNS)
    train, validation = texts_of(rows, "train"), texts_of(rows, "validation")
    vocabulary = build_vocabulary(train + validation)
    with tracking.run("train_generator", settings) as run:
        network, history = fit(train, validation, vocabulary, settings, params.seed)

        write_model(network, vocabulary, max(map(len, train + validation)), paths.GENERATOR)
        paths.GENERATOR_REPORTS.mkdir(parents=True, exist_ok=True)
        history.to_csv(paths.GENERATOR_REPORTS / "history.csv", index=False, lineterminator="\n")
        save_figure(history_figure(history), paths.GENERATOR_REPORTS / "history.png")

        for name in ("train_nats", "validation_nats"):
            run.metric_by_epoch(name, history[name].tolist())
        run.tags({"model": model_hash(paths.GENERATOR)})
        run.artifact(paths.GENERATOR)
        run.artifact(paths.GENERATOR_REPORTS / "history.png")
        run.keras_model(network, "gru", pad(encode(vocabulary, train[:2]))[0])
    best = history.iloc[int(np.argmin(history["validation_nats"]))]
    log.info("best of %d epochs: %s", len(history), best.to_dict())


if __name__ == "__main__":
    run_command(main)
