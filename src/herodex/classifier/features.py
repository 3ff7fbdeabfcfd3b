"""Pictures to features: the frozen backbone, run by OpenVINO."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from PIL import Image, ImageOps


@dataclass(frozen=True)
class Embedder:
    """A compiled backbone and how its last feature map is pooled."""

    network: ov.CompiledModel
    input_size: int
    pooling: str


def compile_network(path: Path, precision: str, shape: list[int] | None = None) -> ov.CompiledModel:
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
    if precision == "auto":
        precision = "bf16" if has_matrix_unit() else "f32"
    return core.compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": precision})


def has_matrix_unit(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU multiplies matrices in bf16 (Intel AMX).

    A CPU that has bf16 as vector instructions alone (AVX-512) takes half as long again in it as in f32.
    """
    return cpuinfo.exists() and "amx_bf16" in cpuinfo.read_text(encoding="utf-8")


def run_network(network: ov.CompiledModel, values: np.ndarray) -> np.ndarray:
    """Run a network of one input and one output; safe to call from several threads at once."""
    request = network.create_infer_request()
    # A copy, because the request's own memory is freed with it.
    return next(iter(request.infer([values]).values())).copy()


def load_embedder(directory: Path, precision: str, input_size: int, pooling: str) -> Embedder:
    """Load `backbone.xml` from `directory`, for square inputs of `input_size` pixels."""
    shape = [-1, input_size, input_size, 3]
    return Embedder(compile_network(directory / "backbone.xml", precision, shape), input_size, pooling)


def to_input(picture: np.ndarray, input_size: int) -> np.ndarray:
    """Scale a uint8 RGB picture [h, w, 3] and cut its middle out: [input_size, input_size, 3].

    It keeps its proportions, which tell as much as its colours once there are no bars around it.
    """
    size = (input_size, input_size)
    return np.asarray(ImageOps.fit(Image.fromarray(picture), size, Image.Resampling.BICUBIC))


def embed(embedder: Embedder, pictures: list[np.ndarray]) -> np.ndarray:
    """Compute the features of uint8 RGB pictures [h, w, 3] of any size.

    Returns:
        float32 array [len(pictures), channels of the last feature map].
    """
    inputs = np.stack([to_input(picture, embedder.input_size) for picture in pictures])
    maps = run_network(embedder.network, inputs.astype(np.float32))
    return maps.max(axis=(1, 2)) if embedder.pooling == "max" else maps.mean(axis=(1, 2))
