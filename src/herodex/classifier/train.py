"""Stage `train_classifier`: a softmax head on the frozen features."""

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex import paths, tracking
from herodex.classifier.embed import read_features
from herodex.classifier.manifest import read_manifest
from herodex.classifier.plots import history_figure
from herodex.classifier.predict import model_hash
from herodex.command import run_command
from herodex.export import export_ir
from herodex.figures import save_figure
from herodex.params import UNKNOWN, TrainClassifierParams, load_params

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examples:
    """Features float32 [n, channels] and the positions of their labels, int [n]."""

    features: np.ndarray
    labels: np.ndarray


def examples(
    manifest: pd.DataFrame, part: str, features: dict[str, np.ndarray], labels: list[str]
) -> Examples:
    """Collect the examples of one part, in the order of the manifest."""
    rows = manifest[manifest["part"] == part]
    return Examples(
        np.stack([features[sha256] for sha256 in rows["sha256"]]),
        np.array([labels.index(label) for label in rows["label"]]),
    )


def build_head(train: np.ndarray, labels: int, params: TrainClassifierParams) -> "keras.Model":
    """Build the head: standardise by the training features, dropout, one softmax layer.

    Args:
        train: float32 [n, channels], from which mean and variance are taken.
        labels: how many there are.
        params: dropout and weight decay.
    """
    import keras

    inputs = keras.Input((train.shape[1],), name="features")
    # A channel that hardly varies would be blown up beyond reason.
    variance = np.maximum(train.var(axis=0), 1e-3)
    standardised = keras.layers.Normalization(mean=train.mean(axis=0), variance=variance)(inputs)
    hidden = keras.layers.Dropout(params.dropout)(standardised)
    decay = keras.regularizers.L2(params.l2)
    outputs = keras.layers.Dense(labels, "softmax", kernel_regularizer=decay, name="probabilities")(hidden)
    return keras.Model(inputs, outputs, name="head")


def fit(
    train: Examples, validation: Examples, labels: int, params: TrainClassifierParams, seed: int
) -> tuple["keras.Model", pd.DataFrame]:
    """Train the head until the validation loss stops falling, and go back to its best epoch.

    Returns:
        the head, and a table with `epoch`, `loss`, `accuracy`, `val_loss` and `val_accuracy`.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    head = build_head(train.features, labels, params)
    head.compile(
        optimizer=keras.optimizers.Adam(params.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stop = keras.callbacks.EarlyStopping("val_loss", patience=params.patience, restore_best_weights=True)
    history = head.fit(
        train.features,
        train.labels,
        validation_data=(validation.features, validation.labels),
        batch_size=params.batch_size,
        epochs=params.epochs,
        callbacks=[stop],
        verbose=cast(Any, 0),
    ).history
    table = pd.DataFrame(history).round(6)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return head, table


def main() -> None:
    """Write the head as Keras weights and as IR, `classifier.json` beside them, and the history."""
    params = load_params()
    settings = params.classifier.train
    labels = [*params.classes, UNKNOWN]
    manifest = read_manifest(paths.SPLIT_IMAGES)
    features = read_features(paths.FEATURES)
    backbone = json.loads((paths.BACKBONE / "backbone.json").read_text(encoding="utf-8"))
    train = examples(manifest, "train", features, labels)
    validation = examples(manifest, "validation", features, labels)
    with tracking.run("train_classifier", settings) as run:
        head, history = fit(train, validation, len(labels), settings, params.seed)

        paths.CLASSIFIER.mkdir(parents=True, exist_ok=True)
        head.save_weights(paths.CLASSIFIER / "head.weights.h5")
        export_ir(head, paths.CLASSIFIER / "head.xml")
        record = {
            "labels": labels,
            "backbone": backbone,
            "input_size": params.classifier.embed.input_size,
            "pooling": params.classifier.embed.pooling,
            "max_side": params.classifier.clean.max_side,
        }
        text = json.dumps(record, indent=2) + "\n"
        (paths.CLASSIFIER / "classifier.json").write_text(text, encoding="utf-8")

        paths.CLASSIFIER_REPORTS.mkdir(parents=True, exist_ok=True)
        history.to_csv(paths.CLASSIFIER_REPORTS / "history.csv", index=False, lineterminator="\n")
        save_figure(history_figure(history), paths.CLASSIFIER_REPORTS / "history.png")

        for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
            run.metric_by_epoch(name, history[name].tolist())
        run.tags({"model": model_hash(paths.CLASSIFIER), "backbone": backbone["name"]})
        run.artifact(paths.CLASSIFIER)
        run.artifact(paths.CLASSIFIER_REPORTS / "history.png")
        run.keras_model(head, "head", train.features[:2])
    best = history.iloc[int(np.argmin(history["val_loss"]))]
    log.info("best of %d epochs: %s", len(history), best.to_dict())


if __name__ == "__main__":
    run_command(main)
