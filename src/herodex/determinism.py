"""Repeatable training with Keras."""

import os

PORTABLE_KERNELS = {"TF_ENABLE_ONEDNN_OPTS": "0", "TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL": "0"}
"""Settings that keep TensorFlow from oneDNN, whose kernels depend on the kind of CPU."""


def use_portable_kernels() -> None:
    """Make TensorFlow compute the same bytes on all x86-64 CPUs; call it before TensorFlow is imported.

    TensorFlow's other kernels are compiled for one instruction set. Each of them runs on one thread, because
    Eigen divides sums by the number of threads; independent operations still run in parallel.
    """
    os.environ.update(PORTABLE_KERNELS)
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)


def seed_keras(seed: int) -> None:
    """Seed Keras and make its operations deterministic, on any number of threads."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
