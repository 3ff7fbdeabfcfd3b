"""The GRU language model in Keras: for sequences to train it, for single steps to run it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from herodex.generator.vocabulary import EDGE, Vocabulary
from herodex.params import DropoutParams, NetworkParams

if TYPE_CHECKING:
    import keras


def build_network(tokens: int, params: NetworkParams, dropout: DropoutParams) -> "keras.Model":
    """Build the network that reads names: tokens int32 [n, steps] → logits float32 [n, steps, tokens].

    The dropout of characters and of the state hides the same part at each step of a name (Gal and
    Ghahramani, 2016, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks).

    Args:
        tokens: size of the vocabulary.
        params: sizes.
        dropout: what is hidden while it learns.
    """
    import keras

    inputs = keras.Input((None,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(tokens, params.embedding, name="embedding")(inputs)
    seen = keras.layers.SpatialDropout1D(dropout.embedding_dropout)(embedded)
    states = keras.layers.GRU(
        params.units, return_sequences=True, recurrent_dropout=dropout.recurrent_dropout, name="gru"
    )(seen)
    hidden = keras.layers.Dropout(dropout.dropout)(states)
    logits = keras.layers.Dense(tokens, name="logits")(hidden)
    return keras.Model(inputs, logits, name="names")


def build_step_network(network: "keras.Model") -> "keras.Model":
    """Build the network that reads one character, with the weights of `network` and no dropout.

    What the GRU makes of a character is the same each time, so a table holds it, and no product is left but
    the state's (Cho et al. 2014, with the reset gate after the product, as Keras has it).

    Its inputs are `token` int32 [n] and `state` float32 [n, units], zero at the start of a name. Its
    outputs are `logits` float32 [n, tokens] of what comes next, and `next_state`.
    """
    import keras

    (embeddings,) = network.get_layer("embedding").get_weights()
    kernel, recurrent_kernel, (bias, recurrent_bias) = network.get_layer("gru").get_weights()
    tokens, units = len(embeddings), len(recurrent_kernel)
    token = keras.Input((), dtype="int32", name="token")
    state = keras.Input((units,), name="state")
    table = keras.layers.Embedding(tokens, 3 * units, weights=[embeddings @ kernel + bias], name="table")
    carry = keras.layers.Dense(3 * units, name="carry")
    seen, carried = table(token), carry(state)
    carry.set_weights([recurrent_kernel, recurrent_bias])
    # Its annotations do not know symbolic tensors.
    ops: Any = keras.ops
    seen_update, seen_reset, seen_new = ops.split(seen, 3, axis=-1)
    carried_update, carried_reset, carried_new = ops.split(carried, 3, axis=-1)
    update = ops.sigmoid(seen_update + carried_update)
    reset = ops.sigmoid(seen_reset + carried_reset)
    new = ops.tanh(seen_new + reset * carried_new)
    next_state = update * state + (1 - update) * new
    logits = network.get_layer("logits")(next_state)
    return keras.Model([token, state], {"logits": logits, "next_state": next_state}, name="step")


def transfer_weights(
    source: "keras.Model", of_source: Vocabulary, target: "keras.Model", of_target: Vocabulary
) -> None:
    """Give `target` what `source` has learnt, character by character.

    A character that only the target knows keeps its fresh embedding, and starts out as unlikely as the
    source finds unknown characters.

    Args:
        source: from `build_network`.
        of_source: its vocabulary.
        target: from `build_network`, of the same sizes.
        of_target: its vocabulary.
    """
    known = {character: token for token, character in enumerate(of_source.characters, start=1)}
    tokens = [known.get(character, of_source.unknown) for character in of_target.characters]
    rows = np.array([EDGE, *tokens, of_source.unknown])
    shared = rows != of_source.unknown
    (embeddings,) = target.get_layer("embedding").get_weights()
    (learnt,) = source.get_layer("embedding").get_weights()
    embeddings[shared] = learnt[rows[shared]]
    target.get_layer("embedding").set_weights([embeddings])
    target.get_layer("gru").set_weights(source.get_layer("gru").get_weights())
    kernel, bias = source.get_layer("logits").get_weights()
    target.get_layer("logits").set_weights([kernel[:, rows], bias[rows]])


def character_coverage(vocabulary: Vocabulary, texts: Sequence[str]) -> float:
    """The share of the texts' characters that a vocabulary holds."""
    known = set(vocabulary.characters)
    characters = "".join(texts)
    return sum(character in known for character in characters) / len(characters)
