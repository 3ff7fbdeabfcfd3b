"""OpenVINO graphs as ONNX files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
from jaxtyping import Shaped
from onnx import TensorProto, helper, numpy_helper

from herodex.errors import UserError
from herodex.portable.nodes import Node, Port, graph_nodes, input_ports, output_ports

OPSET = 18
IR_VERSION = 10
"""The version of ONNX's file format that runtimes of the last years read."""
SAME = {
    *("Abs", "Add", "Concat", "Equal", "Exp", "Floor", "Greater", "Less"),
    *("Log", "Range", "Relu", "Sigmoid", "Softmax", "Sqrt", "Tanh"),
}
"""Operations with the same name and meaning in both."""
RENAMED = {
    "Divide": "Div",
    "GreaterEqual": "GreaterOrEqual",
    "LessEqual": "LessOrEqual",
    "LogicalAnd": "And",
    "LogicalOr": "Or",
    "Maximum": "Max",
    "Minimum": "Min",
    "Multiply": "Mul",
    "Negative": "Neg",
    "Select": "Where",
    "Subtract": "Sub",
}
"""Operations with the same meaning, and ONNX's names of them."""
TYPES = {
    "boolean": TensorProto.BOOL,
    "f32": TensorProto.FLOAT,
    "i32": TensorProto.INT32,
    "i64": TensorProto.INT64,
    "u8": TensorProto.UINT8,
}


def write_onnx(model: ov.Model, file: Path, description: dict[str, str]) -> None:
    """Write a graph as an ONNX file, in the same bytes each time.

    Args:
        model: an OpenVINO graph.
        file: to write.
        description: key and value pairs, which ONNX keeps in the file.

    Raises:
        UserError: an operation has no counterpart.
    """
    writer = _Writer()
    for node in graph_nodes(model):
        writer.add(node)
    graph = helper.make_graph(
        writer.used_nodes(),
        "herodex",
        [_value_info(port) for port in input_ports(model)],
        [_value_info(port) for port in output_ports(model)],
        writer.used_constants(),
    )
    opsets = [helper.make_opsetid("", OPSET)]
    found = helper.make_model(graph, producer_name="herodex", opset_imports=opsets, ir_version=IR_VERSION)
    helper.set_model_props(found, description)
    onnx.checker.check_model(found)
    file.write_bytes(found.SerializeToString(deterministic=True))


def _value_info(port: Port) -> onnx.ValueInfoProto:
    shape = [f"{port.name}_{axis}" if size < 0 else size for axis, size in enumerate(port.shape)]
    return helper.make_tensor_value_info(port.name, helper.np_dtype_to_tensor_dtype(port.dtype), shape)


class _Writer:
    """Translates nodes one after another."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, Shaped[np.ndarray, ...]] = {}

    def used_nodes(self) -> list[onnx.NodeProto]:
        """Return the nodes that an output depends on."""
        needed: set[str] = set()
        kept: list[onnx.NodeProto] = []
        for node in reversed(self.nodes):
            if node.op_type == "Identity" or needed & set(node.output):
                kept.append(node)
                needed |= set(node.input)
        return kept[::-1]

    def used_constants(self) -> list[onnx.TensorProto]:
        """Return the constants that a node reads as a tensor."""
        used = {name for node in self.used_nodes() for name in node.input}
        return [
            numpy_helper.from_array(value, name) for name, value in self._constants.items() if name in used
        ]

    def add(self, node: Node) -> None:
        """Translate a node."""
        if node.constant is not None:
            self._constants[node.outputs[0]] = node.constant
        elif node.kind in SAME | RENAMED.keys():
            axis = {"axis": node.attributes["axis"]} if "axis" in node.attributes else {}
            self._emit(RENAMED.get(node.kind, node.kind), node.inputs, node.outputs, **axis)
        elif node.kind != "Parameter":
            translate = TRANSLATIONS.get(node.kind)
            if translate is None:
                raise UserError(
                    f"The graph has an operation {node.kind}, which the ONNX export does not know.",
                    "Export to openvino, or report this with the network's name.",
                )
            translate(self, node)

    def _emit(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, list(inputs), list(outputs), **attributes))

    def _new(self, value: Any, dtype: Any) -> str:
        """Add a constant; equal ones share a name."""
        array = np.asarray(value, dtype)
        name = f"c_{array.dtype}_{'x'.join(map(str, array.shape))}_{array.tobytes().hex()}"
        if len(name) > 80:
            name = f"c{len(self._constants)}"
        self._constants[name] = array
        return name

    def _axes(self, name: str) -> str:
        return self._new(np.atleast_1d(self._constants[name]), np.int64)

    def convert(self, node: Node) -> None:
        self._emit("Cast", node.inputs, node.outputs, to=TYPES[node.attributes["destination_type"]])

    def matmul(self, node: Node) -> None:
        inputs: list[str] = []
        flags = (node.attributes["transpose_a"], node.attributes["transpose_b"])
        for name, rank, transposed in zip(node.inputs, node.ranks, flags, strict=True):
            if not transposed:
                inputs.append(name)
            elif name in self._constants:
                inputs.append(self._new(np.swapaxes(self._constants[name], -1, -2), np.float32))
            else:
                inputs.append(f"{node.outputs[0]}_{len(inputs)}")
                order = [*range(rank - 2), rank - 1, rank - 2]
                self._emit("Transpose", [name], [inputs[-1]], perm=order)
        self._emit("MatMul", inputs, node.outputs)

    def convolution(self, node: Node) -> None:
        settings = node.attributes
        self._emit(
            "Conv",
            node.inputs,
            node.outputs,
            strides=settings["strides"],
            dilations=settings["dilations"],
            pads=[*settings["pads_begin"], *settings["pads_end"]],
        )

    def max_pool(self, node: Node) -> None:
        self._pool(node, "MaxPool")

    def average_pool(self, node: Node) -> None:
        self._pool(node, "AveragePool")

    def _pool(self, node: Node, kind: str) -> None:
        """Translate a pooling; OpenVINO's second output, positions, is left out."""
        settings = node.attributes
        self._emit(
            kind,
            node.inputs,
            node.outputs[:1],
            kernel_shape=settings["kernel"],
            strides=settings["strides"],
            pads=[*settings["pads_begin"], *settings["pads_end"]],
        )

    def pad(self, node: Node) -> None:
        begin, end = (self._constants[name] for name in node.inputs[1:3])
        pads = self._new(np.concatenate([begin, end]), np.int64)
        self._emit("Pad", [node.inputs[0], pads, node.inputs[3]], node.outputs, mode="constant")

    def reduce(self, node: Node) -> None:
        keep = int(node.attributes["keep_dims"])
        self._emit(node.kind, [node.inputs[0], self._axes(node.inputs[1])], node.outputs, keepdims=keep)

    def reshape_axes(self, node: Node) -> None:
        self._emit(node.kind, [node.inputs[0], self._axes(node.inputs[1])], node.outputs)

    def transpose(self, node: Node) -> None:
        self._emit("Transpose", node.inputs[:1], node.outputs, perm=self._constants[node.inputs[1]].tolist())

    def gather(self, node: Node) -> None:
        axis = int(self._constants[node.inputs[2]].item())
        self._emit("Gather", node.inputs[:2], node.outputs, axis=axis)

    def shape_of(self, node: Node) -> None:
        wide = f"{node.outputs[0]}_i64"
        self._emit("Shape", node.inputs, [wide])
        self._emit("Cast", [wide], node.outputs, to=TYPES[node.attributes["output_type"]])

    def round(self, node: Node) -> None:
        """Round to even; ONNX knows no other way."""
        self._emit("Round", node.inputs, node.outputs)

    def clamp(self, node: Node) -> None:
        limits = [self._new(node.attributes[name], np.float32) for name in ("min", "max")]
        self._emit("Clip", [node.inputs[0], *limits], node.outputs)

    def topk(self, node: Node) -> None:
        count = self._axes(node.inputs[1])
        values, indices = node.outputs
        wide = f"{indices}_i64"
        self._emit("TopK", [node.inputs[0], count], [values, wide], axis=node.attributes["axis"])
        self._emit("Cast", [wide], [indices], to=TensorProto.INT32)

    def split(self, node: Node) -> None:
        axis, parts = int(self._constants[node.inputs[1]].item()), node.attributes["num_splits"]
        self._emit("Split", node.inputs[:1], node.outputs, axis=axis, num_outputs=parts)

    def result(self, node: Node) -> None:
        self._emit("Identity", node.inputs, node.outputs)


TRANSLATIONS: dict[str, Callable[[_Writer, Node], None]] = {
    "AvgPool": _Writer.average_pool,
    "Clamp": _Writer.clamp,
    "Convert": _Writer.convert,
    "Convolution": _Writer.convolution,
    "Gather": _Writer.gather,
    "MatMul": _Writer.matmul,
    "MaxPool": _Writer.max_pool,
    "Pad": _Writer.pad,
    "ReduceMax": _Writer.reduce,
    "ReduceMean": _Writer.reduce,
    "ReduceMin": _Writer.reduce,
    "ReduceSum": _Writer.reduce,
    "Result": _Writer.result,
    "Round": _Writer.round,
    "ShapeOf": _Writer.shape_of,
    "Split": _Writer.split,
    "Squeeze": _Writer.reshape_axes,
    "TopK": _Writer.topk,
    "Transpose": _Writer.transpose,
    "Unsqueeze": _Writer.reshape_axes,
}
"""Operations that take more than a name."""
