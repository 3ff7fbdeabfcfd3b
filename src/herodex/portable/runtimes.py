"""Exported files, run by the runtimes that they are made for."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Shaped

Values = dict[str, Shaped[np.ndarray, "..."]]
Runner = Callable[[Values], Values]
"""Computes a graph's outputs from its inputs, both by name."""


def open_openvino(file: Path) -> Runner:
    """Load an IR with OpenVINO."""
    compiled = cast(Any, ov.Core()).compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = [output.get_any_name() for output in compiled.outputs]
    return lambda inputs: {
        name: value.copy() for name, value in zip(names, compiled(inputs).values(), strict=True)
    }


def open_onnx(file: Path) -> Runner:
    """Load an ONNX file with ONNX Runtime."""
    import onnxruntime

    session = cast(Any, onnxruntime).InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, map(np.asarray, session.run(names, inputs)), strict=True))


def open_litert(file: Path) -> Runner:
    """Load a LiteRT file with the interpreter that TensorFlow holds."""
    import tensorflow as tf

    with warnings.catch_warnings():
        # The interpreter's new package is for deployment; TensorFlow's own is the same.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = tf.lite.Interpreter(str(file))

    def run(inputs: Values) -> Values:
        runner = interpreter.get_signature_runner()
        return {name: np.asarray(value) for name, value in runner(**inputs).items()}

    return run


def open_saved_model(folder: Path) -> Runner:
    """Load a SavedModel with TensorFlow."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))

    def run(inputs: Values) -> Values:
        # The model is kept, because its functions do not keep it.
        function = loaded.signatures["serving_default"]
        outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: np.asarray(value) for name, value in outputs.items()}

    return run
