"""Quantised graphs in operations that every runtime has: floats that hold whole numbers.

Sums of whole numbers below 2^24 are exact in float32, in any order. A convolution of them gives the same bits
in each runtime, those of OpenVINO's convolution of integers, and later rounding has no error to amplify.
"""

from typing import Any, NamedTuple, cast

import numpy as np
import openvino as ov
from openvino import opset13

op = cast(Any, opset13)


class _Whole(NamedTuple):
    """A value as whole numbers in float32, and the number that each of them stands for."""

    numbers: Any
    step: np.float32


def write_out_rounding(model: ov.Model) -> None:
    """Write out each rounding to steps in place, and scale the outputs of convolutions, not their inputs."""
    found: dict[tuple[str, int], _Whole] = {}
    for node in cast(list[Any], model.get_ordered_ops()):
        kind = node.get_type_name()
        if kind == "FakeQuantize":
            whole = _round(node)
            value = op.multiply(whole.numbers, op.constant(whole.step))
            found[_key(value.output(0))] = whole
            node.output(0).replace(value.output(0))
        elif kind in {"MaxPool", "Pad", "Transpose"} and (source := found.get(_key(node.input_value(0)))):
            found[_key(node.output(0))] = source._replace(numbers=_moved(node, source.numbers))
        elif kind == "Convolution" and (source := found.get(_key(node.input_value(0)))):
            _convolve(node, source)


def _key(output: Any) -> tuple[str, int]:
    return output.get_node().get_name(), output.get_index()


def _constants(node: Any, *positions: int) -> list[Any]:
    return [node.input_value(position).get_node().data for position in positions]


def _round(node: Any) -> _Whole:
    low, high = (value.ravel()[0] for value in _constants(node, 1, 2))
    step = np.float32((high - low) / np.float32(node.get_attributes()["levels"] - 1))
    least = round(float(low / step))
    scaled = op.multiply(node.input_value(0), op.constant(np.float32(1) / step))
    most = least + node.get_attributes()["levels"] - 1
    return _Whole(op.clamp(op.round(scaled, "half_to_even"), float(least), float(most)), step)


def _moved(node: Any, numbers: Any) -> Any:
    """Repeat an operation that only moves or chooses values, on whole numbers."""
    others = [node.input_value(position) for position in range(1, node.get_input_size())]
    settings = node.get_attributes()
    match node.get_type_name():
        case "Transpose":
            return op.transpose(numbers, *others)
        case "Pad":
            return op.pad(numbers, others[0], others[1], settings["pad_mode"], others[2])
        case _:
            return op.max_pool(
                numbers,
                settings["strides"],
                settings["dilations"],
                settings["pads_begin"],
                settings["pads_end"],
                settings["kernel"],
                settings["rounding_type"],
                settings["auto_pad"],
            ).output(0)


def _convolve(node: Any, source: _Whole) -> None:
    weights = node.input_value(1).get_node()
    if weights.get_type_name() != "Multiply":
        return
    settings = node.get_attributes()
    total = op.convolution(
        source.numbers,
        weights.input_value(0),
        settings["strides"],
        settings["pads_begin"],
        settings["pads_end"],
        settings["dilations"],
        settings["auto_pad"],
    )
    # Runtimes multiply weights by a scale that follows at once, and lose the exact sums.
    scales = -_constants(weights, 1)[0].reshape(1, -1, 1, 1) * source.step
    scaled = op.multiply(op.negative(total), op.constant(scales.astype(np.float32)))
    node.output(0).replace(scaled.output(0))
