"""OpenVINO graphs as TensorFlow functions, from which LiteRT and Keras files are made.

TensorFlow's convolutions on a CPU want channels last, OpenVINO's graphs have them first. Values with four
axes are kept with channels last throughout, and axes are translated.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import openvino as ov

from herodex.errors import UserError
from herodex.portable.nodes import Node, graph_nodes, input_ports

if TYPE_CHECKING:
    import tensorflow

LAST = (0, 2, 3, 1)
"""The axes of four, channels first, in the order in which they are kept."""
PADDING_FREE = "VALID"


def tensorflow_function(model: ov.Model) -> "tensorflow.types.experimental.ConcreteFunction":
    """Build a function with the graph's inputs and outputs, by name.

    Raises:
        UserError: an operation has no counterpart.
    """
    import tensorflow as tf

    nodes, ports = graph_nodes(model), input_ports(model)
    unknown = {node.kind for node in nodes} - OPERATIONS.keys() - {"Constant", "Parameter", "Result"}
    if unknown:
        raise UserError(
            f"The TensorFlow export does not know these operations: {', '.join(sorted(unknown))}.",
            "Export to openvino or onnx, or report this with the network's name.",
        )

    def compute(**inputs: Any) -> dict[str, Any]:
        values: dict[str, Any] = {name: _last(value, tf) for name, value in inputs.items()}
        results: dict[str, Any] = {}
        for node in nodes:
            if node.kind == "Result":
                results[node.outputs[0]] = tf.identity(_first(values[node.inputs[0]], tf), node.outputs[0])
            elif node.constant is not None:
                values[node.outputs[0]] = node.constant
            elif node.kind != "Parameter":
                found = OPERATIONS[node.kind](node, [values[name] for name in node.inputs], tf)
                outputs = cast(list[Any], found) if isinstance(found, list) else [found]
                # The second output of a pooling, positions, is not computed.
                values |= dict(zip(node.outputs, outputs, strict=False))
        return results

    signature = {
        port.name: tf.TensorSpec([None if size < 0 else size for size in port.shape], port.dtype, port.name)
        for port in ports
    }
    return tf.function(compute).get_concrete_function(**signature)


def _axis(axis: int, rank: int) -> int:
    """Return the position at which an axis is kept."""
    return LAST.index(axis % rank) if rank == 4 else axis


def _kept(value: Any, tf: Any) -> Any:
    """Return a value with channels last, from a constant as it is or a computed value as it is kept."""
    if isinstance(value, np.ndarray):
        return tf.constant(value.transpose(LAST) if value.ndim == 4 else value)
    return value


def _first(value: Any, tf: Any) -> Any:
    """Return a kept value with channels first."""
    return tf.transpose(value, [LAST.index(axis) for axis in range(4)]) if len(value.shape) == 4 else value


def _last(value: Any, tf: Any) -> Any:
    return tf.transpose(value, LAST) if len(value.shape) == 4 else value


Operation = Callable[[Node, list[Any], Any], Any]


def _each(name: str) -> Operation:
    """Return the operation of TensorFlow that has this name and works on each value."""

    def run(node: Node, inputs: list[Any], tf: Any) -> Any:
        function = tf
        for part in name.split("."):
            function = getattr(function, part)
        return function(*(_kept(value, tf) for value in inputs))

    return run


def _convert(node: Node, inputs: list[Any], tf: Any) -> Any:
    names = {"boolean": "bool", "f32": "float32", "i32": "int32", "i64": "int64", "u8": "uint8"}
    name = names[node.attributes["destination_type"]]
    # A constant stays one of NumPy, because the weights of a convolution change their layout.
    return (
        cast(Any, inputs[0]).astype(name) if isinstance(inputs[0], np.ndarray) else tf.cast(inputs[0], name)
    )


def _divide(node: Node, inputs: list[Any], tf: Any) -> Any:
    upper, lower = (_kept(value, tf) for value in inputs)
    return upper // lower if upper.dtype.is_integer else upper / lower


def _clamp(node: Node, inputs: list[Any], tf: Any) -> Any:
    return tf.clip_by_value(inputs[0], node.attributes["min"], node.attributes["max"])


def _concat(node: Node, inputs: list[Any], tf: Any) -> Any:
    axis = _axis(node.attributes["axis"], node.ranks[0])
    return tf.concat([_kept(value, tf) for value in inputs], axis)


def _convolution(node: Node, inputs: list[Any], tf: Any) -> Any:
    settings = node.attributes
    padded = _padded(inputs[0], settings["pads_begin"], settings["pads_end"], tf)
    kernel = tf.constant(np.asarray(inputs[1]).transpose(2, 3, 1, 0))
    return tf.nn.conv2d(padded, kernel, settings["strides"], PADDING_FREE, dilations=settings["dilations"])


def _padded(value: Any, begin: Sequence[int], end: Sequence[int], tf: Any) -> Any:
    sides = [(0, 0), *zip(begin, end, strict=True), (0, 0)]
    return tf.pad(value, sides) if any(map(any, sides)) else value


def _average_pool(node: Node, inputs: list[Any], tf: Any) -> Any:
    settings = node.attributes
    return tf.nn.avg_pool2d(inputs[0], settings["kernel"], settings["strides"], PADDING_FREE)


def _max_pool(node: Node, inputs: list[Any], tf: Any) -> Any:
    settings = node.attributes
    return tf.nn.max_pool2d(inputs[0], settings["kernel"], settings["strides"], PADDING_FREE)


def _pad(node: Node, inputs: list[Any], tf: Any) -> Any:
    begin, end, value = (np.asarray(each) for each in inputs[1:])
    sides = np.stack([begin, end], axis=1)
    return tf.pad(inputs[0], sides[list(LAST)] if len(sides) == 4 else sides, constant_values=value.item())


def _gather(node: Node, inputs: list[Any], tf: Any) -> Any:
    axis = _axis(int(np.asarray(inputs[2]).item()), node.ranks[0])
    return tf.gather(_kept(inputs[0], tf), _kept(inputs[1], tf), axis=axis)


def _matmul(node: Node, inputs: list[Any], tf: Any) -> Any:
    a, b = (_kept(value, tf) for value in inputs)
    flags = node.attributes["transpose_a"], node.attributes["transpose_b"]
    if len(a.shape) < len(b.shape):
        # LiteRT multiplies a matrix with several ones only if it is repeated for each.
        a = tf.broadcast_to(a, tf.concat([tf.shape(b)[:-2], tf.shape(a)], 0))
    return tf.matmul(a, b, transpose_a=flags[0], transpose_b=flags[1])


def _reduce(name: str) -> Operation:
    def run(node: Node, inputs: list[Any], tf: Any) -> Any:
        axes = [_axis(int(axis), node.ranks[0]) for axis in np.atleast_1d(np.asarray(inputs[1]))]
        keep = node.attributes["keep_dims"]
        return getattr(tf, name)(_kept(inputs[0], tf), axes, keepdims=keep)

    return run


def _range(node: Node, inputs: list[Any], tf: Any) -> Any:
    return tf.range(*(_kept(value, tf) for value in inputs))


def _shape_of(node: Node, inputs: list[Any], tf: Any) -> Any:
    shape = tf.shape(_kept(inputs[0], tf))
    return tf.gather(shape, [LAST.index(axis) for axis in range(4)]) if node.ranks[0] == 4 else shape


def _softmax(node: Node, inputs: list[Any], tf: Any) -> Any:
    return tf.nn.softmax(inputs[0], axis=_axis(node.attributes["axis"], node.ranks[0]))


def _split(node: Node, inputs: list[Any], tf: Any) -> Any:
    axis = _axis(int(np.asarray(inputs[1]).item()) % node.ranks[0], node.ranks[0])
    return list(tf.split(_kept(inputs[0], tf), node.attributes["num_splits"], axis))


def _squeeze(node: Node, inputs: list[Any], tf: Any) -> Any:
    axes = np.atleast_1d(np.asarray(inputs[1])).tolist()
    return _last(tf.squeeze(_first(_kept(inputs[0], tf), tf), axes), tf)


def _unsqueeze(node: Node, inputs: list[Any], tf: Any) -> Any:
    value = _first(_kept(inputs[0], tf), tf)
    for axis in np.sort(np.atleast_1d(np.asarray(inputs[1]))):
        value = tf.expand_dims(value, int(axis))
    return _last(value, tf)


def _top_k(node: Node, inputs: list[Any], tf: Any) -> Any:
    found = tf.math.top_k(_kept(inputs[0], tf), int(np.asarray(inputs[1]).item()))
    return [found.values, found.indices]


def _transpose(node: Node, inputs: list[Any], tf: Any) -> Any:
    order: list[int] = np.asarray(inputs[1]).tolist()
    if len(order) == 4:
        order = [LAST.index(order[axis]) for axis in LAST]
    return inputs[0] if order == sorted(order) else tf.transpose(inputs[0], order)


OPERATIONS: dict[str, Operation] = {
    "Abs": _each("abs"),
    "Add": _each("add"),
    "AvgPool": _average_pool,
    "Clamp": _clamp,
    "Concat": _concat,
    "Convert": _convert,
    "Convolution": _convolution,
    "Divide": _divide,
    "Equal": _each("equal"),
    "Exp": _each("exp"),
    "Floor": _each("floor"),
    "Gather": _gather,
    "Greater": _each("greater"),
    "GreaterEqual": _each("greater_equal"),
    "Less": _each("less"),
    "LessEqual": _each("less_equal"),
    "Log": _each("math.log"),
    "LogicalAnd": _each("logical_and"),
    "LogicalOr": _each("logical_or"),
    "MatMul": _matmul,
    "Maximum": _each("maximum"),
    "MaxPool": _max_pool,
    "Minimum": _each("minimum"),
    "Multiply": _each("multiply"),
    "Negative": _each("negative"),
    "Pad": _pad,
    "Range": _range,
    "ReduceMax": _reduce("reduce_max"),
    "ReduceMean": _reduce("reduce_mean"),
    "ReduceMin": _reduce("reduce_min"),
    "ReduceSum": _reduce("reduce_sum"),
    "Relu": _each("nn.relu"),
    "Round": _each("round"),
    "Select": _each("where"),
    "ShapeOf": _shape_of,
    "Sigmoid": _each("sigmoid"),
    "Softmax": _softmax,
    "Split": _split,
    "Sqrt": _each("sqrt"),
    "Squeeze": _squeeze,
    "Subtract": _each("subtract"),
    "Tanh": _each("tanh"),
    "TopK": _top_k,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
