"""Leave out the roundings of a quantised backbone that OpenVINO does not do.

Where two branches meet in an addition, OpenVINO fuses the addition with the convolution of one branch, and
does not round between them. Another runtime rounds where the file says so, and its answers would differ more.
Which branch it is depends on OpenVINO's version, so it is found by trial.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Float32
from openvino import opset13

SEED = 5
FEW = 1e-3
"""Share of values that may differ after an addition: without a skipped rounding 1e-5 do, else a third."""


def drop_skipped_roundings(read: Callable[[], ov.Model]) -> ov.Model:
    """Remove each rounding before an addition that OpenVINO skips.

    Each one is removed by itself, and the values after the next rounding are compared with those of the whole
    network.

    Args:
        read: returns a new copy of the backbone, with a static shape.
    """
    probe = _probe(read())
    skipped: list[tuple[str, int]] = []
    for addition, rounding in _additions(read()):
        expected = _values(read(), rounding, probe)
        for branch in (0, 1):
            found = _values(_without(read(), [(addition, branch)]), rounding, probe)
            if np.mean(found != expected) < FEW:
                skipped.append((addition, branch))
                break
    return _without(read(), skipped)


def _probe(network: Any) -> Float32[np.ndarray, "..."]:
    """Draw inputs in which neighbouring pixels are alike, as in photos."""
    views, side, _, colours = (dim.get_length() for dim in network.input(0).get_partial_shape())
    coarse = np.random.default_rng(SEED).integers(0, 256, (views, side // 8 + 1, side // 8 + 1, colours))
    return coarse.repeat(8, 1).repeat(8, 2)[:, :side, :side].astype(np.float32)


def _values(network: Any, rounding: str, probe: Float32[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Compute what a network's rounding returns."""
    node = next(node for node in network.get_ops() if node.get_friendly_name() == rounding)
    end = cast(Any, opset13).result(node.output(0))
    part = cast(Any, ov.Model)([end], network.get_parameters(), "part")
    compiled = cast(Any, ov.Core()).compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return compiled(probe)[0].copy()


def _sources(node: Any) -> list[Any]:
    return [node.input_value(position).get_node() for position in range(node.get_input_size())]


def _additions(network: Any) -> list[tuple[str, str]]:
    """Name the additions of two rounded values, and the next rounding after each."""
    found: list[tuple[str, str]] = []
    for node in network.get_ordered_ops():
        if node.get_type_name() == "Add" and {each.get_type_name() for each in _sources(node)} == {
            "FakeQuantize"
        }:
            rounding = _next_rounding(node)
            if rounding is not None:
                found.append((node.get_friendly_name(), rounding.get_friendly_name()))
    return found


def _next_rounding(start: Any) -> Any:
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        if node.get_type_name() == "FakeQuantize":
            return node
        outputs = [node.output(position) for position in range(node.get_output_size())]
        waiting.extend(target.get_node() for output in outputs for target in output.get_target_inputs())
    return None


def _without(network: Any, roundings: list[tuple[str, int]]) -> Any:
    nodes = {node.get_friendly_name(): node for node in network.get_ordered_ops()}
    for name, branch in roundings:
        nodes[name].input(branch).replace_source_output(_sources(nodes[name])[branch].input_value(0))
    return network
