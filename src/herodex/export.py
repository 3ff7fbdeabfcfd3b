"""Export of Keras networks to OpenVINO IR, the runtime that evaluates and serves."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import keras


def export_ir(network: "keras.Model", xml: Path) -> None:
    """Write a Keras model as OpenVINO IR in float32 (`.xml`, and `.bin` beside it), in repeatable bytes.

    The network's inputs keep their names and open dimensions.
    """
    import openvino as ov

    with tempfile.TemporaryDirectory() as folder:
        network.export(folder, verbose=False)
        converted = cast(Any, ov.convert_model(folder))
    # It would name the temporary folder, another one each time.
    converted.set_rt_info(network.name, ["conversion_parameters", "input_model"])
    xml.parent.mkdir(parents=True, exist_ok=True)
    ov.save_model(converted, xml, compress_to_fp16=False)
