"""Stage `quantize_backbone`: make the backbone compute with 8-bit integers, if the params ask for it.

Sums of integers are exact in any order: features have the same bytes on all x86-64 CPUs with AVX2.
"""

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openvino as ov
from jaxtyping import UInt8
from PIL import Image

from herodex import paths
from herodex.command import run_command
from herodex.json_record import read_json
from herodex.params import load_params

log = logging.getLogger(__name__)

CROPS = 48
"""Twice as many widen a range by 2 % on average, and by 17 % at most."""
SEED = 0
SIDE = 224
"""Pixels a side of the crops, as in the training on ImageNet."""
STEPS = 32
"""Ranges are rounded to so many steps per power of two."""


class Step(NamedTuple):
    """The distance of two quantised values, rounded up.

    Attributes:
        size: a multiple of a power of two, so that its products with 8-bit integers are exact.
        margin: how far the step was from another result, as a share of it.
    """

    size: float
    margin: float


def calibration_images(count: int) -> list[UInt8[np.ndarray, "h w 3"]]:
    """Crop squares of different sizes from the photos that scikit-learn and Matplotlib carry.

    The ranges of activations are read off these images, which depend neither on the user's data nor on the
    CPU: decoding and scaling of 8-bit images compute with integers.
    """
    rng, photos, crops = np.random.default_rng(SEED), _photos(), list[np.ndarray]()
    for number in range(count):
        photo = photos[number % len(photos)]
        side = int(rng.integers(min(photo.size) // 5, min(photo.size) + 1))
        left, top = (int(rng.integers(0, length - side + 1)) for length in photo.size)
        square = photo.crop((left, top, left + side, top + side))
        crops.append(np.asarray(square.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
    return crops


def _photos() -> list[Image.Image]:
    import matplotlib
    import sklearn

    carried = Path(str(sklearn.__file__)).parent / "datasets" / "images"
    portrait = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    files = [carried / "china.jpg", carried / "flower.jpg", portrait]
    return [Image.open(file).convert("RGB") for file in files]


def quantize(network: ov.Model, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> tuple[ov.Model, float]:
    """Quantise a network's weights and activations to 8-bit integers.

    Weights get 7 bits: a sum of two products then fits the 16 bits in which AVX2 adds them, so CPUs that add
    in 32 bits (VNNI, AMX) compute the same
    (https://docs.openvino.ai/2025/openvino-workflow/model-optimization-guide/quantizing-models-post-training/basic-quantization-flow.html).
    An activation's range holds its largest value on all images, rounded up; biases stay as they are. So the
    result does not depend on the CPU's order of float sums.

    Args:
        network: from float32 RGB of 0–255.
        images: to read ranges off.

    Returns:
        the quantised network, and the least margin of a range: float errors below this share of the range
        change nothing.
    """
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix
    from nncf.quantization.range_estimator import (
        AggregatorType,
        RangeEstimatorParameters,
        StatisticsCollectorParameters,
        StatisticsType,
    )

    # `nncf.set_log_level` would also set the level of handlers that others share, such as those of pytest.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    largest = RangeEstimatorParameters(
        min=StatisticsCollectorParameters(StatisticsType.MIN, AggregatorType.MIN),
        max=StatisticsCollectorParameters(StatisticsType.ABS_MAX, AggregatorType.MAX),
    )
    quantized = nncf.quantize(
        network,
        nncf.Dataset([image[None].astype(np.float32) for image in images]),
        preset=nncf.QuantizationPreset.PERFORMANCE,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(images),
        advanced_parameters=AdvancedQuantizationParameters(
            overflow_fix=OverflowFix.ENABLE,
            disable_bias_correction=True,
            activations_range_estimator_params=largest,
        ),
    )
    return quantized, round_ranges(quantized)


def round_ranges(network: ov.Model) -> float:
    """Round the ranges of a quantised network's activations, in place, and return the least margin."""
    margins = [
        _round_range(operation)
        for operation in network.get_ops()
        if operation.get_type_name() == "FakeQuantize"
    ]
    return min(margins)


def _round_range(quantizer: Any) -> float:
    constants = [quantizer.input_value(place).get_node().get_data() for place in range(1, 5)]
    low, high = float(constants[0].min()), float(constants[1].max())
    below, above = (128, 127) if low < 0 else (0, 255)
    step, margin = round_up(high / above)
    for place, level in enumerate((-below, above, -below, above), start=1):
        value = np.full(constants[place - 1].shape, level * step, np.float32)
        quantizer.input(place).replace_source_output(ov.opset13.constant(value).output(0))
    return margin


def round_up(step: float) -> Step:
    """Round a step up to the next of `STEPS` values per power of two."""
    unit = 2.0 ** (math.floor(math.log2(step)) - math.log2(STEPS))
    count = step / unit
    return Step(math.ceil(count) * unit, abs(count - round(count)) / count)


def write_backbone(source: Path, target: Path, precision: str) -> dict[str, str]:
    """Write the IR that computes features at a precision, and return what it is.

    Args:
        source: folder of `backbone.xml` and `backbone.bin` in float32.
        target: folder for the same files, quantised for `int8` and as they are for other precisions.
        precision: of the params.

    Returns:
        changed entries of `backbone.json`: the precision of the weights, and their sha256.
    """
    target.mkdir(parents=True, exist_ok=True)
    if precision == "int8":
        quantized, margin = quantize(ov.Core().read_model(source / "backbone.xml"), calibration_images(CROPS))
        # OpenVINO numbers new operations by how many it made before in a process, which depends on the CPU.
        for number, operation in enumerate(quantized.get_ordered_ops()):
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
        ov.save_model(quantized, target / "backbone.xml", compress_to_fp16=False)
        log.info("quantised; float errors below %.0e of a range change nothing", margin)
    else:
        for name in ("backbone.xml", "backbone.bin"):
            shutil.copy(source / name, target)
    weights = (target / "backbone.bin").read_bytes()
    return {
        "precision": "int8" if precision == "int8" else "f32",
        "ir_sha256": hashlib.sha256(weights).hexdigest(),
    }


def main() -> None:
    """Write `backbone.xml`, `backbone.bin` and `backbone.json`."""
    record = read_json(paths.FETCHED_BACKBONE / "backbone.json")
    precision = load_params().backbone.precision
    record |= write_backbone(paths.FETCHED_BACKBONE, paths.BACKBONE, precision)
    text = json.dumps(record, indent=2) + "\n"
    (paths.BACKBONE / "backbone.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run_command(main)
