"""Repeatable training with Keras."""


def seed_keras(seed: int) -> None:
    """Seed Keras and make its operations deterministic, on any number of threads."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
