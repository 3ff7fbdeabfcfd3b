import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_networks import random_network

from herodex import paths
from herodex.embedding import quantize
from herodex.embedding.quantize import CROPS, STEPS, calibration_images, round_up, write_backbone
from herodex.export import export_ir
from herodex.inference.features import STAGES
from herodex.inference.openvino_runtime import compile_network, run_network

FEW = 3
"""Images that ranges are read off here, to save time."""
FEATURE_HASH = """
import hashlib, pathlib, sys
import numpy as np
from herodex.embedding.quantize import calibration_images
from herodex.inference.features import STAGES
from herodex.inference.openvino_runtime import compile_network, run_network
network = compile_network(pathlib.Path(sys.argv[1]), "int8", [-1, 224, 224, 3])
maps = run_network(network, np.stack(calibration_images(3)), STAGES)
print(hashlib.sha256(b"".join(values.tobytes() for values in maps)).hexdigest())
"""


@pytest.fixture(scope="module", params=["ResNet50", "ResNet50V2"])
def folders(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with a random network in float32, and one with the same network quantised."""
    folder = tmp_path_factory.mktemp(request.param)
    export_ir(random_network(request.param), folder / "float" / "backbone.xml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "CROPS", FEW)
        write_backbone(folder / "float", folder / "int8", "int8")
    return folder / "float", folder / "int8"


def test_quantised_network_computes_nearly_the_same_maps(folders):
    images = np.stack(calibration_images(2))
    exact, rounded = (
        run_network(compile_network(folder / "backbone.xml", precision, [-1, 224, 224, 3]), images, STAGES)
        for folder, precision in zip(folders, ("f32", "int8"), strict=True)
    )
    for before, after in zip(exact, rounded, strict=True):
        assert before.shape == after.shape
        assert after.min() >= 0
        assert float((before * after).sum() / np.linalg.norm(before) / np.linalg.norm(after)) > 0.97


def test_convolutions_multiply_8_bit_integers(folders):
    for folder, kinds in zip(folders, ({"f32"}, {"i8"}), strict=True):
        network = ov.Core().read_model(folder / "backbone.xml")
        constants = [one for one in network.get_ops() if one.get_type_name() == "Constant"]
        large = {one.get_element_type().get_type_name() for one in constants if np.prod(one.shape) > 3000}
        assert large == kinds
    sizes = [(folder / "backbone.bin").stat().st_size for folder in folders]
    assert sizes[1] < 0.26 * sizes[0]


@pytest.mark.parametrize(
    "environment",
    [{}, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}],
    ids=["all instructions", "AVX2", "AVX-512 without VNNI"],
)
def test_features_have_the_same_bytes_with_every_instruction_set_and_thread_count(folders, environment):
    expected = np.stack(calibration_images(3))
    network = compile_network(folders[1] / "backbone.xml", "int8", [-1, 224, 224, 3])
    maps = [run_network(network, image[None], STAGES) for image in expected]
    joined = [np.concatenate(values) for values in zip(*maps, strict=True)]
    command = ["taskset", "-c", "0", sys.executable, "-c", FEATURE_HASH, str(folders[1] / "backbone.xml")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(b"".join(one.tobytes() for one in joined)).hexdigest()


def test_other_precisions_keep_the_float_network(tmp_path):
    source = tmp_path / "float"
    source.mkdir()
    for name in ("backbone.xml", "backbone.bin"):
        (source / name).write_bytes(name.encode())
    written = write_backbone(source, tmp_path / "kept", "auto")
    assert written == {"precision": "f32", "ir_sha256": hashlib.sha256(b"backbone.bin").hexdigest()}
    assert (tmp_path / "kept" / "backbone.xml").read_bytes() == b"backbone.xml"


def test_stage_records_what_it_wrote(tmp_path, monkeypatch, folders):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(quantize, "CROPS", FEW)
    paths.FETCHED_BACKBONE.parent.mkdir()
    paths.FETCHED_BACKBONE.symlink_to(folders[0])
    (folders[0] / "backbone.json").write_text('{"name": "random", "weights_sha256": "abc"}', encoding="utf-8")
    source = Path(__file__).parents[2] / "params.yaml"
    (tmp_path / "params.yaml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    quantize.main()
    record = json.loads((paths.BACKBONE / "backbone.json").read_text(encoding="utf-8"))
    assert record["name"] == "random"
    assert record["precision"] == "int8"
    # OpenVINO has made other operations before than at the first time: the bytes stay.
    for name in ("backbone.xml", "backbone.bin"):
        assert (paths.BACKBONE / name).read_bytes() == (folders[1] / name).read_bytes()


def test_calibration_images_are_always_the_same():
    digest = hashlib.sha256(b"".join(image.tobytes() for image in calibration_images(CROPS)))
    assert digest.hexdigest() == "1f2912367c5ebc66a65dd82d7dd459da88be548fd14929b323b36c469a986663"


@given(st.floats(1e-6, 1e6))
def test_a_step_is_rounded_up_by_little_and_its_products_are_exact(step):
    size, margin = round_up(step)
    assert step <= size <= step * (1 + 1 / STEPS)
    assert 0 <= margin <= 0.5 / STEPS
    for level in (-128, 127, 255):
        assert np.float32(level * size) == level * size


@given(st.floats(1e-3, 1e3), st.floats(-0.99, 0.99))
def test_float_errors_within_the_margin_do_not_change_a_step(step, share):
    size, margin = round_up(step)
    if margin > 1e-12:
        assert round_up(step * (1 + share * margin)).size == size
