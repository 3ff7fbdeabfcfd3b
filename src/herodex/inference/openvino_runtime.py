"""OpenVINO networks on the CPU, run by any number of threads."""

import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import openvino as ov
from jaxtyping import Shaped

from herodex.cpus import cpu_limit


@dataclass(frozen=True)
class Network:
    """A compiled network with one input.

    Attributes:
        compiled: by OpenVINO.
        idle: inference requests that no thread uses. Each keeps its memory; there is one for each call that
            ran at the same time as others.
    """

    compiled: ov.CompiledModel
    idle: list[ov.InferRequest] = field(default_factory=list[ov.InferRequest])


def compile_network(
    path: Path, precision: str, shape: list[int] | None = None, threads: int | None = None
) -> Network:
    """Compile an OpenVINO IR for the CPU.

    Args:
        path: the `.xml` file.
        precision: `int8`, `f32`, `bf16`, or `auto` for the faster of the last two on this CPU.
        shape: the input's shape, -1 where it varies, for a network that leaves it open.
        threads: to compute with, beside other processes; None for all that this process may use.
    """
    core = ov.Core()
    network = cast(Any, core.read_model(path))
    if shape is not None:
        network.reshape(shape)
    resolved = resolve_precision(precision)
    # Between its integers, a quantised network computes in float32, the same on CPUs that have bf16.
    floats = "f32" if resolved == "int8" else resolved
    hint: dict[str, Any] = {"INFERENCE_PRECISION_HINT": floats, **thread_hint(threads)}
    return Network(cast(Any, core).compile_model(network, "CPU", hint))


def thread_hint(threads: int | None = None) -> dict[str, int | bool]:
    """Return the settings that limit OpenVINO, which counts the host's cores, to threads or a CPU quota."""
    if threads:
        # Without this, all processes of one thread would share the first core.
        return {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
    limit = cpu_limit()
    return {"INFERENCE_NUM_THREADS": limit} if limit and limit < (os.cpu_count() or 1) else {}


def resolve_precision(precision: str) -> str:
    """Replace `auto` by the faster of `f32` and `bf16` on this CPU; other precisions stay."""
    if precision != "auto":
        return precision
    return "bf16" if has_amx() else "f32"


def has_amx(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether the CPU multiplies bf16 matrices (Intel AMX).

    A CPU with bf16 vector instructions alone (AVX-512) is slower in bf16 than in f32.
    """
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text(encoding="utf-8")


@contextmanager
def borrowed_outputs(
    network: Network, values: Shaped[np.ndarray, "..."]
) -> Generator[Mapping[str | int, Shaped[np.ndarray, "..."]]]:
    """Run a network and lend its outputs, by name or position, until the context ends.

    The next run overwrites them. Copying large outputs would cost a tenth of the run.

    Args:
        network: to run.
        values: its input, converted to the network's type.
    """
    try:
        request = network.idle.pop()
    except IndexError:
        request = network.compiled.create_infer_request()
    try:
        tensor = request.get_input_tensor()
        tensor.shape = values.shape
        tensor.data[:] = values
        yield cast(Any, request.infer(share_outputs=True))
    finally:
        network.idle.append(request)


def run_network(
    network: Network, values: Shaped[np.ndarray, "..."], outputs: Sequence[str | int] = (0,)
) -> list[Shaped[np.ndarray, "..."]]:
    """Run a network and return copies of the named outputs."""
    with borrowed_outputs(network, values) as results:
        return [results[name].copy() for name in outputs]
