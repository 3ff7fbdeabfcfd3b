"""The head of a tutorial: softmax with dropout on pooled features, trained by Adam."""

from threading import Lock
from typing import Any

import numpy as np

from herodex.classifier.examples import Examples
from herodex.classifier.linear import LinearHead
from herodex.determinism import seed_keras
from herodex.params import DropoutHeadParams

_ONE_AT_A_TIME = Lock()
"""The seed of Keras belongs to the process."""


def fit_dropout_head(
    examples: Examples, label_count: int, settings: DropoutHeadParams, seed: int
) -> LinearHead:
    """Train the head in Keras on features that are not standardised; at inference it is linear.

    It computes in double precision: in single, figures differ in the sixth digit between kinds of CPU, as the
    cache's size decides in which order TensorFlow sums over the features.

    Args:
        examples: to fit.
        label_count: labels of the head.
        settings: of the training.
        seed: of the first weights, dropout and the order of images.
    """
    with _ONE_AT_A_TIME:
        return _fit(examples, label_count, settings, seed)


def _fit(examples: Examples, label_count: int, settings: DropoutHeadParams, seed: int) -> LinearHead:
    import keras

    seed_keras(seed)
    width: int = examples.features.shape[1]
    layer = keras.layers.Dense(label_count, dtype="float64")
    dropout = keras.layers.Dropout(settings.dropout, dtype="float64")
    model: Any = keras.Sequential([keras.Input((width,), dtype="float64"), dropout, layer])
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    features = examples.features.astype(np.float64)
    fitted = model.fit(
        features, examples.labels, batch_size=settings.batch_size, epochs=settings.epochs, verbose=0
    )
    kernel, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
    mean, deviation = np.zeros(width), np.ones(width)
    return LinearHead(mean, deviation, kernel, bias, fitted.history["loss"])
