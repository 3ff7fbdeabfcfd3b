"""The candidate backbones with seeded random weights, for tests without ImageNet's."""

from functools import cache

import keras
import numpy as np

from herodex.embedding.backbone import build


@cache
def random_network(name: str) -> keras.Model:
    """Build a network with seeded random weights, whose batch norms differ from the identity."""
    keras.utils.set_random_seed(5)
    network = build(name, pretrained=False)
    rng = np.random.default_rng(6)
    for layer in network.layers[-1].layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            count = len(layer.get_weights()[0])
            gamma, variance = rng.uniform(0.5, 1.5, (2, count))
            beta, mean = rng.normal(0, 0.2, (2, count))
            layer.set_weights([gamma, beta, mean, variance])
    return network
