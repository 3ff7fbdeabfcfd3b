"""GRU language model in Keras: over sequences for training, and one step at a time for export."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from herodex.generator.vocabulary import EDGE, Vocabulary
from herodex.params import DropoutParams, NetworkParams

if TYPE_CHECKING:
    import keras


def build_network(tokens: int, params: NetworkParams, dropout: DropoutParams) -> "keras.Model":
    """Build the network: tokens int32 [n, steps] to logits float32 [n, steps, tokens].

    The dropout of characters and of the state uses the same mask at each step of a name (Gal and Ghahramani
    2016, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks). `training_step` reads
    the rates from the layers and draws masks of its own.

    Args:
        tokens: Size of the vocabulary.
        params: Sizes of the layers.
        dropout: Dropout rates.
    """
    import keras

    layers = keras.layers
    inputs: Any = keras.Input((None,), dtype="int32", name="tokens")
    embedded = layers.Embedding(tokens, params.embedding, name="embedding")(inputs)
    masked = layers.SpatialDropout1D(dropout.embedding_dropout, name="embedding_dropout")(embedded)
    gru = layers.GRU(
        params.units,
        return_sequences=True,
        recurrent_dropout=dropout.recurrent_dropout,
        recurrent_initializer="random_normal",
        name="gru",
    )
    hidden = layers.Dropout(dropout.dropout, name="dropout")(gru(masked))
    logits = layers.Dense(tokens, name="logits")(hidden)
    network = keras.Model(inputs, logits, name="names")
    kernel, recurrent_kernel, biases = get_weights(network, "gru")
    set_weights(network, "gru", [kernel, orthonormal_rows(recurrent_kernel), biases])
    return network


def orthonormal_rows(values: Float32[np.ndarray, "rows columns"]) -> Float32[np.ndarray, "rows columns"]:
    """Return the matrix that Keras's orthogonal initialiser makes of random values, the same on all CPUs.

    Libraries round differently on each kind of CPU; four decimals hide the differences.
    """
    columns, triangle = np.linalg.qr(values.T.astype(np.float64))
    return (columns * np.sign(np.diag(triangle))).T.round(4).astype(np.float32)


def build_step_network(network: "keras.Model") -> "keras.Model":
    """Build the network that reads one character, with the weights of `network` and without dropout.

    A table holds the product of each character's embedding and the GRU's input weights, so that a step needs
    only the product with the state (Cho et al. 2014, with the reset gate after the product, as in Keras).

    Inputs are `token` int32 [n] and `state` float32 [n, units], zero at the start of a name. Outputs are
    `logits` float32 [n, tokens] of the next character, and `next_state`.
    """
    import keras

    layers, ops = keras.layers, keras.ops
    (embeddings,) = get_weights(network, "embedding")
    kernel, recurrent_kernel, (bias, recurrent_bias) = get_weights(network, "gru")
    tokens, units = len(embeddings), len(recurrent_kernel)
    token: Any = keras.Input((), dtype="int32", name="token")
    state: Any = keras.Input((units,), name="state")
    # In double precision, because single precision rounds differently on each kind of CPU.
    from_embeddings = (embeddings.astype(np.float64) @ kernel + bias).astype(np.float32)
    table = layers.Embedding(tokens, 3 * units, weights=[from_embeddings], name="table")
    carry = layers.Dense(3 * units, name="carry")
    from_token, from_state = table(token), carry(state)
    carry.set_weights([recurrent_kernel, recurrent_bias])
    token_update, token_reset, token_new = ops.split(from_token, 3, axis=-1)
    state_update, state_reset, state_new = ops.split(from_state, 3, axis=-1)
    update = ops.sigmoid(token_update + state_update)
    reset = ops.sigmoid(token_reset + state_reset)
    new = ops.tanh(token_new + reset * state_new)
    next_state = update * state + (1 - update) * new
    logits = network.get_layer("logits")(next_state)
    return keras.Model([token, state], {"logits": logits, "next_state": next_state}, name="step")


def transfer_weights(
    source: "keras.Model", source_vocabulary: Vocabulary, target: "keras.Model", target_vocabulary: Vocabulary
) -> None:
    """Copy weights to a network with another vocabulary, matching tokens by character.

    A character that only the target knows keeps its random embedding, and its output weights are those of
    the source's unknown token. A target with more units computes the same as the source at first: its
    further units keep their random input weights, but nothing reads them (Chen et al. 2016, Net2Net).

    Args:
        source: Network from `build_network`.
        source_vocabulary: Vocabulary of the source.
        target: Network from `build_network` with embeddings of the same size and at least as many units.
        target_vocabulary: Vocabulary of the target.
    """
    known = {character: token for token, character in enumerate(source_vocabulary.characters, start=1)}
    unknown = source_vocabulary.unknown
    tokens = [known.get(character, unknown) for character in target_vocabulary.characters]
    rows = np.array([EDGE, *tokens, unknown])
    shared = rows != unknown
    (embeddings,), (source_embeddings,) = get_weights(target, "embedding"), get_weights(source, "embedding")
    embeddings[shared] = source_embeddings[rows[shared]]
    kernel, bias = get_weights(source, "logits")
    further = np.zeros((_units(target) - _units(source), len(rows)), np.float32)
    set_weights(target, "embedding", [embeddings])
    set_weights(target, "gru", widen_gru(get_weights(source, "gru"), get_weights(target, "gru")))
    set_weights(target, "logits", [np.concatenate([kernel[:, rows], further]), bias[rows]])


def widen_gru(
    source: list[Float32[np.ndarray, "..."]], target: list[Float32[np.ndarray, "..."]]
) -> list[Float32[np.ndarray, "..."]]:
    """Return weights of a GRU whose first units compute what the source's units compute.

    Args:
        source: Kernel, recurrent kernel and biases of the source, with the three gates side by side.
        target: The same of a GRU with at least as many units; its further units keep these weights.
    """
    small, large = len(source[1]), len(target[1])
    columns = np.concatenate([np.arange(gate * large, gate * large + small) for gate in range(3)])
    kernel, recurrent_kernel, biases = (weights.copy() for weights in target)
    kernel[:, columns] = source[0]
    recurrent_kernel[:, columns] = 0
    recurrent_kernel[:small, columns] = source[1]
    biases[:, columns] = source[2]
    return [kernel, recurrent_kernel, biases]


def _units(network: "keras.Model") -> int:
    return len(get_weights(network, "gru")[1])


def get_weights(network: "keras.Model", layer: str) -> list[Float32[np.ndarray, "..."]]:
    """Return the weights of a layer."""
    return network.get_layer(layer).get_weights()


def set_weights(network: "keras.Model", layer: str, weights: list[Float32[np.ndarray, "..."]]) -> None:
    """Set the weights of a layer."""
    network.get_layer(layer).set_weights(weights)


def character_coverage(vocabulary: Vocabulary, texts: Sequence[str]) -> float:
    """Return the share of the texts' characters that a vocabulary contains."""
    known = set(vocabulary.characters)
    characters = "".join(texts)
    return sum(character in known for character in characters) / len(characters)
