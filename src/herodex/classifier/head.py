"""The head as it is served: one matrix on features as they are."""

from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from herodex.classifier.linear import LinearHead

if TYPE_CHECKING:
    import keras


def fold_standardisation(head: LinearHead) -> Float32[np.ndarray, "rows labels"]:
    """Fold the standardisation of features into the weights; the bias is the last row."""
    weights = head.kernel / head.deviation[:, None]
    return np.vstack([weights, head.bias - head.mean @ weights]).astype(np.float32)


def keras_head(weights: Float32[np.ndarray, "rows labels"]) -> "keras.Model":
    """Build the head as a Keras model, from features to logits, for the model registry.

    Args:
        weights: as `fold_standardisation` returns them.
    """
    import keras

    inputs = keras.Input((len(weights) - 1,), name="features")
    layer: Any = keras.layers.Dense(weights.shape[1], name="logits")
    model = keras.Model(inputs, layer(inputs), name="head")
    layer.set_weights([weights[:-1], weights[-1]])
    return model
