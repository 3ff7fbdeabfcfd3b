"""OpenVINO graphs as lists of nodes, from which files of other runtimes are written."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Shaped


@dataclass(frozen=True)
class Node:
    """A node of a graph.

    Attributes:
        kind: OpenVINO's name of its operation.
        inputs: names of the values that it reads.
        outputs: names of the values that it computes.
        attributes: of the operation.
        ranks: numbers of axes of the inputs.
        constant: its value, for a constant.
    """

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]
    ranks: list[int]
    constant: Shaped[np.ndarray, "..."] | None = None


@dataclass(frozen=True)
class Port:
    """An input or output of a graph: its name, type and shape, -1 where the shape is open."""

    name: str
    dtype: np.dtype[Any]
    shape: list[int]


def graph_nodes(model: ov.Model) -> list[Node]:
    """List a graph's nodes, each after those that it reads; inputs and outputs keep their names."""
    values: dict[tuple[str, int], str] = {}
    nodes: list[Node] = []
    for number, node in enumerate(cast(list[Any], model.get_ordered_ops())):
        kind = node.get_type_name()
        inputs = [
            values[each.get_node().get_name(), each.get_index()]
            for each in (port.get_source_output() for port in node.inputs())
        ]
        if kind == "Result":
            nodes.append(Node(kind, inputs, [node.input_value(0).get_any_name()], {}, []))
            continue
        outputs = [f"v{number}_{index}" for index in range(node.get_output_size())]
        if kind == "Parameter":
            outputs = [node.output(0).get_any_name()]
        values |= {(node.get_name(), index): name for index, name in enumerate(outputs)}
        constant = np.array(node.data) if kind == "Constant" else None
        ranks = [port.get_partial_shape().rank.get_length() for port in node.inputs()]
        nodes.append(Node(kind, inputs, outputs, dict(node.get_attributes()), ranks, constant))
    return nodes


def input_ports(model: ov.Model) -> list[Port]:
    """List a graph's inputs."""
    return [_port(each) for each in cast(list[Any], model.inputs)]


def output_ports(model: ov.Model) -> list[Port]:
    """List a graph's outputs."""
    return [_port(each) for each in cast(list[Any], model.outputs)]


def _port(output: Any) -> Port:
    shape = [dim.get_length() if dim.is_static else -1 for dim in output.get_partial_shape()]
    return Port(output.get_any_name(), np.dtype(output.get_element_type().to_dtype()), shape)
