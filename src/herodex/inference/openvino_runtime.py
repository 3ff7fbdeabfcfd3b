"""Networks that are exported as OpenVINO IR, run on the CPU by any number of threads."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino as ov


@dataclass(frozen=True)
class Network:
    """A compiled network of one input.

    Attributes:
        compiled: by OpenVINO.
        idle: requests that nobody waits for. Their memory is set up once, and there are as many as were
            ever under way at the same time.
    """

    compiled: ov.CompiledModel
    idle: list[ov.InferRequest] = field(default_factory=list)


def compile_network(path: Path, precision: str, shape: list[int] | None = None) -> Network:
    """Compile an OpenVINO IR for the CPU.

    Args:
        path: the `.xml` file.
        precision: `f32`, `bf16`, or `auto` for the faster of both on this CPU.
        shape: the input's shape, -1 where it varies, for a network that leaves it open.
    """
    core = ov.Core()
    network = core.read_model(path)
    if shape is not None:
        network.reshape(shape)
    hint = {"INFERENCE_PRECISION_HINT": resolve_precision(precision)}
    return Network(core.compile_model(network, "CPU", hint))


def resolve_precision(precision: str) -> str:
    """Say which precision `auto` is on this CPU; `f32` and `bf16` are themselves."""
    if precision != "auto":
        return precision
    return "bf16" if has_matrix_unit() else "f32"


def has_matrix_unit(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies matrices in bf16 (Intel AMX).

    A CPU that has bf16 as vector instructions alone (AVX-512) takes half as long again in it as in f32.
    """
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text(encoding="utf-8")


@contextmanager
def running(network: Network, values: np.ndarray) -> Iterator[Mapping[str | int, np.ndarray]]:
    """Run a network, and lend its outputs by name or position until the context ends.

    They lie in memory that the next run writes over: what is needed longer must be copied. To copy large
    ones costs a tenth of the run.

    Args:
        network: to run.
        values: its input; other numbers than the network's own are converted.
    """
    try:
        request = network.idle.pop()
    except IndexError:
        request = network.compiled.create_infer_request()
    try:
        taken = request.get_input_tensor()
        taken.shape = values.shape
        taken.data[:] = values
        yield request.infer(share_outputs=True)
    finally:
        network.idle.append(request)


def run_network(
    network: Network, values: np.ndarray, outputs: Sequence[str | int] = (0,)
) -> list[np.ndarray]:
    """Run a network, and give copies of those of its outputs that are wanted, by name or position."""
    with running(network, values) as results:
        return [results[name].copy() for name in outputs]
