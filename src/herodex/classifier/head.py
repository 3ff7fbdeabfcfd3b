"""The classifier's head: a softmax layer on standardised features, trained in Keras."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex.classifier.linear import fit_heads
from herodex.classifier.rotate import rotate, standardise

if TYPE_CHECKING:
    import keras


def build_head(
    mean: np.ndarray, deviation: np.ndarray, kernel: np.ndarray, bias: np.ndarray
) -> "keras.Model":
    """Build the head, from features to logits.

    Args:
        mean: of each feature, float [features].
        deviation: its standard deviation, float [features].
        kernel: float [features, labels].
        bias: float [labels].
    """
    import keras

    inputs = keras.Input((len(mean),), name="features")
    standardised = keras.layers.Normalization(mean=mean, variance=deviation**2)(inputs)
    layer = keras.layers.Dense(len(bias), name="logits")
    head = keras.Model(inputs, layer(standardised), name="head")
    layer.set_weights([kernel, bias])
    return head


def fit_head(
    features: np.ndarray,
    labels: np.ndarray,
    count: int,
    l2: float,
    learning_rate: float,
    epochs: int,
    seed: int,
) -> tuple["keras.Model", pd.DataFrame]:
    """Train the head on all pictures at once; its loss has one minimum, so that nothing is stopped early.

    It is trained in the space that the pictures span, where the same head has fewer weights, and from the
    minimum that L-BFGS finds, to which Adam alone would take thousands of steps.

    Args:
        features: float32 [n, features].
        labels: int [n].
        count: of labels.
        l2: weight decay.
        learning_rate: of Adam at its start, falling to zero along a cosine.
        epochs: steps.
        seed: of Keras.

    Returns:
        the head, and a table with `epoch`, `loss` and `accuracy`.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    mean, deviation = standardise(features)
    rotated, basis = rotate((features - mean) / deviation)
    # Keras counts the squares whole, everybody else by half.
    decay = keras.regularizers.L2(l2 / 2)
    layer = keras.layers.Dense(count, kernel_regularizer=decay)
    model = keras.Sequential([keras.Input((rotated.shape[1],)), layer])
    (start,) = fit_heads(features, labels, count, [l2])
    layer.set_weights([basis.T @ start.kernel, start.bias])
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs)
    model.compile(
        optimizer=keras.optimizers.Adam(cast(Any, schedule)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        rotated.astype(np.float32),
        labels,
        batch_size=len(features),
        epochs=epochs,
        shuffle=False,
        verbose=cast(Any, 0),
    ).history
    head = build_head(mean, deviation, basis @ np.asarray(layer.kernel), np.asarray(layer.bias))
    return head, by_epoch(history)


def by_epoch(history: dict[str, list[float]]) -> pd.DataFrame:
    """Make a table with `epoch`, `loss` and `accuracy` of what Keras recorded."""
    table = pd.DataFrame(history)[["loss", "accuracy"]].round(6)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
