"""Makes training with Keras repeatable, bit for bit."""


def seed_keras(seed: int) -> None:
    """Make Keras draw the same numbers and compute the same sums each time, on any number of threads."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
