"""The GRU language model in Keras: for sequences to train it, for single steps to run it."""

from typing import TYPE_CHECKING

from herodex.params import TrainGeneratorParams

if TYPE_CHECKING:
    import keras


def build_network(tokens: int, params: TrainGeneratorParams) -> "keras.Model":
    """Build the network that reads names: tokens int32 [n, steps] → logits float32 [n, steps, tokens].

    The recurrent dropout hides the same part of the state at each step of a name (Gal and Ghahramani,
    2016, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks).

    Args:
        tokens: size of the vocabulary.
        params: sizes and dropout.
    """
    import keras

    inputs = keras.Input((None,), dtype="int32", name="tokens")
    embedded = keras.layers.Embedding(tokens, params.embedding, name="embedding")(inputs)
    states = keras.layers.GRU(
        params.units, return_sequences=True, recurrent_dropout=params.recurrent_dropout, name="gru"
    )(embedded)
    hidden = keras.layers.Dropout(params.dropout)(states)
    logits = keras.layers.Dense(tokens, name="logits")(hidden)
    return keras.Model(inputs, logits, name="names")


def one_step(network: "keras.Model") -> "keras.Model":
    """Build the network that reads one character, with the weights of `network` and no dropout.

    Its inputs are `token` int32 [n] and `state` float32 [n, units], zero at the start of a name. Its
    outputs are `logits` float32 [n, tokens] of what comes next, and `next_state`.
    """
    import keras

    cell = network.get_layer("gru").cell
    token = keras.Input((), dtype="int32", name="token")
    state = keras.Input((cell.units,), name="state")
    next_state, _ = cell(network.get_layer("embedding")(token), [state])
    logits = network.get_layer("logits")(next_state)
    return keras.Model([token, state], {"logits": logits, "next_state": next_state}, name="step")
