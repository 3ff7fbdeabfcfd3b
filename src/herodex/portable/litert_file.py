"""OpenVINO graphs as LiteRT (TensorFlow Lite) files and TensorFlow SavedModels."""

import tempfile
from pathlib import Path

import openvino as ov

from herodex.portable.tensorflow_function import tensorflow_function


def write_saved_model(model: ov.Model, folder: Path) -> None:
    """Write a graph as a SavedModel, which TensorFlow and Keras's `TFSMLayer` load."""
    import tensorflow as tf

    function = tensorflow_function(model)
    tf.saved_model.save(tf.Module(), str(folder), signatures={"serving_default": function})


def write_litert(model: ov.Model, file: Path) -> None:
    """Write a graph as a LiteRT file with a signature that names inputs and outputs."""
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(model, Path(folder))
        file.write_bytes(tf.lite.TFLiteConverter.from_saved_model(folder).convert())
