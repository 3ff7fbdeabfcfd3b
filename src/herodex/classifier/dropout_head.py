"""A head as beginners' tutorials have it: softmax on pooled features, with dropout before it, by Adam."""

from typing import Any, cast

import numpy as np
import pandas as pd

from herodex.classifier.examples import Examples
from herodex.classifier.head import by_epoch
from herodex.classifier.linear import LinearHead
from herodex.determinism import seed_keras
from herodex.params import DropoutHeadParams


def fit_dropout_head(
    examples: Examples, count: int, settings: DropoutHeadParams, seed: int
) -> tuple[LinearHead, pd.DataFrame]:
    """Train the head in Keras, on features as they are; without dropout, as it answers, it is linear.

    Args:
        examples: to learn from.
        count: of labels.
        settings: of the training.
        seed: of first weights, dropout and the order of images.

    Returns:
        the head, and a table with `epoch`, `loss` and `accuracy`.
    """
    import keras

    seed_keras(seed)
    width = examples.features.shape[1]
    layer = keras.layers.Dense(count)
    model = keras.Sequential([keras.Input((width,)), keras.layers.Dropout(settings.dropout), layer])
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        examples.features.astype(np.float32),
        examples.labels,
        batch_size=settings.batch_size,
        epochs=settings.epochs,
        verbose=cast(Any, 0),
    ).history
    kernel, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
    return LinearHead(np.zeros(width), np.ones(width), kernel, bias), by_epoch(history)
