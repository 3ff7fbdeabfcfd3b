"""Formats that models are exported to: who writes a file, who runs it, and examples of its use."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

import openvino as ov

from herodex.portable import runtimes


class Format(NamedTuple):
    """A format to export to.

    Attributes:
        suffix: of the file.
        package: that writes it, and the extra of herodex that holds it.
        runtime: the package that runs it.
        integers: whether it computes with the integers of a quantised backbone, as OpenVINO does.
        write: writes a graph to a file; the dictionary describes it.
        load: loads the file for the check.
        examples: names of programs that use the file.
    """

    suffix: str
    package: tuple[str, str]
    runtime: str
    integers: bool
    write: Callable[[ov.Model, Path, dict[str, str]], None]
    load: Callable[[Path], runtimes.Runner]
    examples: tuple[str, ...]


def _write_openvino(model: ov.Model, file: Path, description: dict[str, str]) -> None:
    for key, value in description.items():
        cast(Any, model).set_rt_info(value, ["herodex", key])
    ov.save_model(model, file, compress_to_fp16=False)


def _write_onnx(model: ov.Model, file: Path, description: dict[str, str]) -> None:
    from herodex.portable.onnx_file import write_onnx

    write_onnx(model, file, description)


def _write_litert(model: ov.Model, file: Path, description: dict[str, str]) -> None:
    from herodex.portable.litert_file import write_litert

    write_litert(model, file)


def _write_keras(model: ov.Model, file: Path, description: dict[str, str]) -> None:
    from herodex.portable.litert_file import write_saved_model

    shutil.rmtree(file, ignore_errors=True)
    write_saved_model(model, file)


FORMATS = {
    "openvino": Format(
        suffix=".xml",
        package=("openvino", "serve"),
        runtime="openvino",
        integers=True,
        write=_write_openvino,
        load=runtimes.open_openvino,
        examples=("use_openvino.py",),
    ),
    "onnx": Format(
        suffix=".onnx",
        package=("onnx", "export"),
        runtime="onnxruntime",
        integers=False,
        write=_write_onnx,
        load=runtimes.open_onnx,
        examples=("use_onnx.py", "use_onnx.html", "names_onnx.py"),
    ),
    "litert": Format(
        suffix=".tflite",
        package=("tensorflow", "train"),
        runtime="tensorflow",
        integers=False,
        write=_write_litert,
        load=runtimes.open_litert,
        examples=("use_litert.py", "use_litert.kt"),
    ),
    "keras": Format(
        suffix="",
        package=("tensorflow", "train"),
        runtime="tensorflow",
        integers=False,
        write=_write_keras,
        load=runtimes.open_saved_model,
        examples=("use_keras.py",),
    ),
}
