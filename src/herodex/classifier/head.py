"""The classifier's head: a softmax layer on standardised features, trained in Keras."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from herodex.classifier.examples import Examples
from herodex.classifier.linear import fit_heads
from herodex.determinism import seed_keras

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
    examples: Examples,
    count: int,
    l2: float,
    learning_rate: float,
    epochs: int,
    seed: int,
) -> tuple["keras.Model", pd.DataFrame]:
    """Train the head on all images at once; its loss has one minimum, so that nothing is stopped early.

    It is trained in the space that the images span, where the same head has fewer weights, and from the
    minimum that L-BFGS finds, to which Adam alone would take thousands of steps.

    Args:
        examples: to learn from.
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

    seed_keras(seed)
    turned = examples.turned
    # Keras counts the squares whole, everybody else by half.
    decay = keras.regularizers.L2(l2 / 2)
    layer = keras.layers.Dense(count, kernel_regularizer=decay)
    model = keras.Sequential([keras.Input((turned.rows.shape[1],)), layer])
    (start,) = fit_heads(examples, count, [l2])
    layer.set_weights([turned.basis.T @ start.kernel, start.bias])
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, epochs)
    model.compile(
        optimizer=keras.optimizers.Adam(cast(Any, schedule)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    # One batch, given again and again: for arrays, Keras would set up a new pipeline each epoch.
    batch = tf.data.Dataset.from_tensors((turned.rows.astype(np.float32), examples.labels)).repeat()
    fitted = model.fit(
        cast(Any, batch), steps_per_epoch=1, epochs=epochs, shuffle=False, verbose=cast(Any, 0)
    )
    kernel = turned.basis @ np.asarray(layer.kernel)
    head = build_head(turned.mean, turned.deviation, kernel, np.asarray(layer.bias))
    return head, by_epoch(fitted.history)


def by_epoch(history: dict[str, list[float]]) -> pd.DataFrame:
    """Make a table with `epoch`, `loss` and `accuracy` of what Keras recorded."""
    table = pd.DataFrame(history)[["loss", "accuracy"]].round(6)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return table
