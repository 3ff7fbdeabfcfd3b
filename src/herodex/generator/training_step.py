"""Training step of the network, with the same bytes on all x86-64 CPUs.

Written out for two reasons. Keras's layers sum gradients over all characters of a batch at once; Eigen, which
multiplies matrices for TensorFlow, divides sums of more than 400 terms by the size of the CPU's first-level
cache, and rounding then differs between CPUs. No sum here is longer than the batch or the state. And a loop
with its own gradient takes about a third less time than the automatic one.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int32

if TYPE_CHECKING:
    import keras

LEVELS = 256
"""Dropout masks take one random byte per value, so rates are rounded to multiples of 1 / LEVELS."""

TrainingStep = Callable[
    [
        Int32[np.ndarray, "n steps"],
        Int32[np.ndarray, "n steps"],
        Float32[np.ndarray, "n steps"],
        Int32[np.ndarray, " 2"],
    ],
    Any,
]
"""Function of inputs, targets, weights and a seed of the dropout masks; returns the summed nats."""


def build_training_step(network: "keras.Model") -> TrainingStep:
    """Build the training step of a compiled network from `build_network`.

    A step computes the gradient of the mean cross-entropy and applies the network's optimizer. Dropout rates
    are those of the network's layers. The mask of the embedding covers the vocabulary, that of the state each
    name; both stay the same at all steps of a name (Gal and Ghahramani 2016).
    """
    import tensorflow as tf

    embedding, gru, output = (network.get_layer(name) for name in ("embedding", "gru", "logits"))
    rates = (
        network.get_layer("embedding_dropout").rate,
        gru.recurrent_dropout,
        network.get_layer("dropout").rate,
    )
    variables = network.trainable_variables

    def mean_nats(inputs: Any, targets: Any, weights: Any, seed: Any) -> tuple[Any, Any]:
        masks = [tf.stack([seed[0], seed[1] + place]) for place in range(3)]
        embeddings = tf.convert_to_tensor(embedding.embeddings)
        kernel, recurrent, biases = (tf.convert_to_tensor(variable) for variable in gru.trainable_variables)
        embeddings *= dropout_mask(tf.shape(embeddings), rates[0], masks[0])
        table = tf.matmul(embeddings, kernel) + biases[0]
        state_mask = dropout_mask([tf.shape(inputs)[1], gru.units], rates[1], masks[1])
        states = gru_states(by_gate(table), inputs, by_gate(recurrent), by_gate(biases[1:])[:, 0], state_mask)
        states *= dropout_mask(tf.shape(states), rates[2], masks[2])
        # A product per step, so that the gradient's sums are over the names of the batch only.
        logits = tf.matmul(states, tf.convert_to_tensor(output.kernel)) + output.bias
        nats = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits) * weights)
        return nats / tf.reduce_sum(weights), nats

    def step(inputs: Any, targets: Any, weights: Any, seed: Any) -> Any:
        with tf.GradientTape() as tape:
            mean, nats = mean_nats(tf.transpose(inputs), tf.transpose(targets), tf.transpose(weights), seed)
        gradients = tape.gradient(mean, [variable.value for variable in variables])
        network.optimizer.apply(gradients, variables)
        return nats

    signature = [tf.TensorSpec([None, None], kind) for kind in (tf.int32, tf.int32, tf.float32)]
    return tf.function(step, input_signature=[*signature, tf.TensorSpec([2], tf.int32)], autograph=False)


def by_gate(values: Any) -> Any:
    """Divide the last axis into the GRU's gates: update, reset and new; return [3, …]."""
    import tensorflow as tf

    return tf.stack(tf.split(values, 3, axis=-1))


def dropout_mask(shape: Any, rate: float, seed: Any) -> Any:
    """Return a mask that drops values at a rate and scales the others, so that the mean stays."""
    import tensorflow as tf

    dropped = round(rate * LEVELS)
    if not dropped:
        return tf.ones(shape)
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(count + 3) // 4], seed, None, None, tf.int32)
    levels = tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count], shape)
    return tf.cast(levels >= tf.constant(dropped, tf.uint8), tf.float32) * (LEVELS / (LEVELS - dropped))


def gru_states(tables: Any, tokens: Any, kernels: Any, biases: Any, mask: Any) -> Any:
    """Compute the states of a GRU after each token, [steps, n, units].

    Args:
        tables: What each token adds to each gate, [3, tokens, units].
        tokens: Tokens [steps, n].
        kernels: What the state adds to each gate, [3, units, units].
        biases: Biases of that product, [3, units].
        mask: Dropout mask of the state, [n, units].
    """
    import tensorflow as tf

    steps, count = tf.shape(tokens)[0], tf.shape(tokens)[1]
    start = tf.zeros([count, kernels.shape[-1]])

    def store() -> Any:
        shape = [None, kernels.shape[-1]]
        return tf.TensorArray(tf.float32, steps, element_shape=shape, clear_after_read=False)

    @tf.custom_gradient
    def run(tables: Any, kernels: Any, biases: Any) -> tuple[Any, Callable[[Any], list[Any]]]:
        of_token, of_state, of_bias = tf.unstack(tables), tf.unstack(kernels), tf.unstack(biases)

        def unfinished(step: Any, *_: Any) -> Any:
            return (step >= 0) & (step < steps)

        def forward(step: Any, state: Any, stores: list[Any]) -> tuple[Any, Any, list[Any]]:
            from_token = [tf.gather(table, tokens[step]) for table in of_token]
            from_state = [
                tf.matmul(state * mask, kernel) + bias for kernel, bias in zip(of_state, of_bias, strict=True)
            ]
            gates = gate_values(from_token, from_state)
            kept = (state, *gates, from_state[2])
            stores = [into.write(step, values) for into, values in zip(stores, kept, strict=True)]
            return step + 1, next_state(state, *gates[::2]), stores

        _, last, stores = tf.while_loop(unfinished, forward, [0, start, [store() for _ in range(5)]])

        def gradient(upstream: Any) -> list[Any]:
            upstream = store().unstack(upstream)

            def backward(step: Any, carried: Any, sums: list[Any]) -> tuple[Any, Any, list[Any]]:
                state, *gates, from_state = (into.read(step) for into in stores)
                carried += upstream.read(step)
                to_gates, to_inner = gate_gradients(carried, state, gates, from_state)
                one_hot = tf.one_hot(tokens[step], tf.shape(tables)[1])
                further = (
                    [tf.matmul(one_hot, to, transpose_a=True) for to in to_gates],
                    [tf.matmul(state * mask, to, transpose_a=True) for to in to_inner],
                    [tf.reduce_sum(to, axis=0) for to in to_inner],
                )
                sums = [
                    [old + new for old, new in zip(*both, strict=True)]
                    for both in zip(sums, further, strict=True)
                ]
                through_gates = tf.add_n(
                    [
                        tf.matmul(to, kernel, transpose_b=True)
                        for to, kernel in zip(to_inner, of_state, strict=True)
                    ]
                )
                return step - 1, carried * gates[0] + through_gates * mask, sums

            sums = [[tf.zeros_like(part) for part in parts] for parts in (of_token, of_state, of_bias)]
            _, _, sums = tf.while_loop(unfinished, backward, [steps - 1, start, sums])
            return [tf.stack(parts) for parts in sums]

        return tf.concat([stores[0].stack()[1:], last[None]], axis=0), gradient

    return run(tables, kernels, biases)


def gate_values(from_token: list[Any], from_state: list[Any]) -> tuple[Any, Any, Any]:
    """Return update gate, reset gate and new values of a GRU, from what token and state add to them."""
    import tensorflow as tf

    update = tf.sigmoid(from_token[0] + from_state[0])
    reset = tf.sigmoid(from_token[1] + from_state[1])
    return update, reset, tf.tanh(from_token[2] + reset * from_state[2])


def next_state(state: Any, update: Any, new: Any) -> Any:
    """Return the next state of a GRU."""
    return new + update * (state - new)


def gate_gradients(
    carried: Any, state: Any, gates: Sequence[Any], from_state: Any
) -> tuple[list[Any], list[Any]]:
    """Return gradients to the sums in the gates of a GRU.

    Args:
        carried: Gradient to the next state.
        state: The state.
        gates: Update gate, reset gate and new values.
        from_state: What the state adds to the new values, before the reset gate.

    Returns:
        The gradients to what the token adds to each gate, and to what the state adds.
    """
    update, reset, new = gates
    to_new = carried * (1 - update) * (1 - new * new)
    to_update = carried * (state - new) * update * (1 - update)
    to_reset = to_new * from_state * reset * (1 - reset)
    return [to_update, to_reset, to_new], [to_update, to_reset, to_new * reset]
