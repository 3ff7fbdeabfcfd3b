import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op
from random_networks import random_network
from tiny_service import make_project

from herodex.cli_arguments import parse
from herodex.embedding import quantize
from herodex.embedding.quantize import calibration_images, write_backbone
from herodex.errors import UserError
from herodex.export import export_ir
from herodex.generator.language_model import load_language_model
from herodex.inference.image_decoding import content, trim_bars
from herodex.inference.predict import Classifier, load_classifier, to_prediction
from herodex.inference.views import View, to_input
from herodex.portable import classifier_graph as graphs
from herodex.portable.executed import drop_skipped_roundings
from herodex.portable.export_models import Check, check_steps, describe, export_models, report
from herodex.portable.formats import FORMATS
from herodex.portable.onnx_file import write_onnx
from herodex.portable.runtimes import open_litert, open_onnx, open_openvino
from herodex.portable.tensorflow_function import tensorflow_function
from herodex.portable.whole_floats import write_out_rounding

SIZES = [(64, 64), (300, 100), (100, 300), (97, 211), (500, 333), (64, 1), (2, 3), (225, 224), (700, 90)]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return make_project(tmp_path_factory.mktemp("portable"))


@pytest.fixture(scope="module")
def classifier(tiny) -> Classifier:
    return load_classifier(tiny / "models", "f32")


def photo(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw coarse patches, as in a photo, in one of the tiny classifier's colours or none."""
    colour = rng.choice([[220, 20, 20], [20, 200, 40], [128, 128, 128], [250, 250, 20]])
    patches = rng.integers(-60, 60, (height // 7 + 1, width // 7 + 1, 3)).repeat(7, 0).repeat(7, 1)
    return (colour + patches[:height, :width]).clip(0, 255).astype(np.uint8)


def tiny_graph(tiny: Path, classifier: Classifier) -> ov.Model:
    backbone = graphs.read_backbone(tiny / "models/backbone/backbone.xml", classifier)
    return graphs.classifier_graph(backbone, classifier)


def graph_of(inputs: list, outputs: dict) -> ov.Model:
    for name, value in outputs.items():
        value.output(0).set_names({name})
    return ov.Model([op.result(value) for value in outputs.values()], inputs, "test")  # pyright: ignore


@pytest.mark.parametrize("to", FORMATS)
def test_exported_classifier_answers_as_the_served_one(tiny, classifier, tmp_path, to, rng):
    chosen = FORMATS[to]
    graph = tiny_graph(tiny, classifier)
    file = tmp_path / f"classifier{chosen.suffix}"
    chosen.write(graph, file, {"model": "abc"})
    run = chosen.load(file)
    known = set()
    for size in SIZES:
        image = photo(rng, *size)
        served = classifier.run([trim_bars(image)])
        prediction, found = to_prediction(classifier, served), run({"image": image})
        assert found["probabilities"] == pytest.approx(served.probabilities[0], abs=1e-3)
        answers = [*classifier.classes, "unknown"]
        assert answers[int(found["answer"])] == (prediction.label if prediction.known else "unknown")
        assert {answers[place] for place in np.flatnonzero(found["in_set"])} == set(prediction.set)
        assert int(found["looks_like"]) == served.likeliest[0]
        known.add(prediction.known)
    assert known == {True, False}


@pytest.mark.parametrize("to", FORMATS)
def test_exported_generator_step_computes_the_same_logits(tiny, tmp_path, to):
    chosen = FORMATS[to]
    xml = tiny / "models/generator/gru.xml"
    file = tmp_path / f"generator_step{chosen.suffix}"
    chosen.write(ov.Core().read_model(xml), file, {})
    inputs = {"token": np.array([1, 4, 2], np.int32), "state": np.ones((3, 1), np.float32)}
    expected, found = open_openvino(xml)(inputs), chosen.load(file)(inputs)
    assert found["logits"] == pytest.approx(expected["logits"], abs=1e-5)
    assert found["next_state"] == pytest.approx(expected["next_state"], abs=1e-6)


@pytest.mark.parametrize("name", ["middle", "whole", "zoom", "start", "end"])
def test_views_have_the_pixels_that_pillow_computes(name, rng):
    image = op.parameter([-1, -1, 3], np.uint8, name="image")
    image.output(0).set_names({"image"})
    pixels = op.transpose(op.convert(image, "f32"), [2, 0, 1])
    shape = op.shape_of(pixels, "i32")
    height, width = (op.gather(shape, graphs._ints(axis), graphs._ints(0)) for axis in (1, 2))
    everything = (graphs._ints(0), height, graphs._ints(0), width)
    square = graphs._resized(pixels, (height, width), everything, name, 96)
    compiled = ov.Core().compile_model(
        graph_of([image], {"square": square}), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for size in [*SIZES, (96, 96), (96, 200), (150, 110), (120, 108)]:
        drawn = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        found = compiled(drawn)["square"][0].transpose(1, 2, 0)
        differences = np.abs(found - to_input(drawn, View(name, mirrored=False), 96))
        assert differences.max() <= 1, size
        assert (differences > 0).mean() < 0.005, size


def test_bars_are_found_as_the_service_finds_them(rng):
    image = op.parameter([-1, -1, 3], np.uint8, name="image")
    image.output(0).set_names({"image"})
    pixels = op.transpose(op.convert(image, "f32"), [2, 0, 1])
    shape = op.shape_of(pixels, "i32")
    size = [op.gather(shape, graphs._ints(axis), graphs._ints(0)) for axis in (1, 2)]
    ends = graphs._content(pixels, *size)
    names = ("top", "bottom", "left", "right")
    compiled = ov.Core().compile_model(graph_of([image], dict(zip(names, ends, strict=True))), "CPU")
    for case in range(60):
        drawn = photo(rng, *rng.integers(20, 90, 2))
        rows, columns = rng.integers(0, drawn.shape[0], 2), rng.integers(0, drawn.shape[1], 2)
        shade = (0, 255, 20, 240, 60)[case % 5]
        drawn[: rows[0] * (case % 3 > 0)] = shade
        drawn[drawn.shape[0] - rows[1] * (case % 4 > 1) :] = shade
        drawn[:, : columns[0] * (case % 5 > 2)] = shade
        if case % 10 == 9:
            drawn[:] = shade
        expected = content(drawn)
        found = compiled(drawn)
        assert [int(found[name]) for name in names] == [
            *(expected[0].start, expected[0].stop),
            *(expected[1].start, expected[1].stop),
        ]


@pytest.fixture(scope="module", params=["ResNet50", "ResNet50V2"])
def quantised(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    export_ir(random_network(request.param), folder / "float" / "backbone.xml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quantize, "CROPS", 3)
        write_backbone(folder / "float", folder / "int8", "int8")
    return folder / "int8" / "backbone.xml"


def test_written_out_rounding_gives_the_same_values_in_each_runtime(quantised, tmp_path):
    def read() -> ov.Model:
        network = ov.Core().read_model(quantised)
        network.reshape([1, 64, 64, 3])
        return network

    images = np.stack(calibration_images(1))[:, :64, :64].astype(np.float32)
    served = ov.Core().compile_model(read(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(images)
    found = []
    for network in (read(), drop_skipped_roundings(read)):
        graphs._index_reversals(network)
        write_out_rounding(network)
        write_onnx(network, tmp_path / "backbone.onnx", {})
        found.append(open_onnx(tmp_path / "backbone.onnx")({"rgb": images}))
    in_tensorflow = tensorflow_function(network)(rgb=images)
    for name in ("stage_4", "stage_5"):
        others = np.abs(found[1][name] - in_tensorflow[name].numpy()).mean()
        assert others < 1e-3 * served[name].mean()
        off = [np.abs(each[name] - served[name]).mean() / served[name].mean() for each in found]
        assert off[1] < min(0.05, off[0])
    sizes = [(tmp_path / "backbone.onnx").stat().st_size, quantised.with_suffix(".bin").stat().st_size]
    assert sizes[0] < 1.1 * sizes[1]


def test_export_has_the_same_bytes_each_time(tiny, classifier, tmp_path):
    files = [tmp_path / "first.onnx", tmp_path / "second.onnx"]
    for file in files:
        graph = tiny_graph(tiny, classifier)
        FORMATS["onnx"].write(graph, file, {"model": "abc"})
    assert files[0].read_bytes() == files[1].read_bytes()


def test_unknown_operation_is_named(tmp_path):
    value = op.parameter([2], np.float32, name="x")
    value.output(0).set_names({"x"})
    graph = graph_of([value], {"y": op.erf(value)})
    with pytest.raises(UserError, match="operation Erf"):
        write_onnx(graph, tmp_path / "x.onnx", {})
    with pytest.raises(UserError, match="Erf"):
        tensorflow_function(graph)


def test_other_answer_is_an_error_and_large_differences_are_counted():
    with pytest.raises(
        UserError, match=r"answers 1 of 3 images otherwise than the served one, first a/b\.png"
    ):
        report(Check(3, ["a/b.png"], [0.1, 0.0, 0.0]))
    assert "3 of 3" in str(Check(3, [], [1e-5] * 3))
    assert "by more than 0.001 for 1 images" in str(Check(3, [], [2e-3, 0, 0]))


def test_export_without_models_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(
        Path(__file__).parents[2].joinpath("params.yaml").read_text("utf-8")
    )
    with pytest.raises(UserError, match="incomplete"):
        export_models("onnx", tmp_path / "out", 0)


def test_export_writes_models_description_and_examples(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny)
    export_models("onnx", tmp_path / "out", 0)
    about = json.loads((tmp_path / "out/herodex.json").read_text("utf-8"))
    assert about["answers"] == ["cherry", "meadow", "ocean", "unknown"]
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        *("classifier.onnx", "generator_step.onnx", "herodex.json"),
        *("example.py", "example.html", "names.py"),
    }
    names = subprocess.run(
        [sys.executable, tmp_path / "out/names.py", "4"], check=True, capture_output=True, text=True
    )
    lines = names.stdout.splitlines()
    assert len(lines) == 4
    assert all(0 < len(line) <= about["max_length"] for line in lines)
    assert set("".join(lines)) <= set(about["characters"])


def test_folder_that_cannot_be_written_is_named(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tiny)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        export_models("onnx", tmp_path / "file" / "out", 0)


def test_command_names_the_formats():
    assert parse(["export", "--to", "litert", "--out", "x"]).check == 100
    with pytest.raises(SystemExit):
        parse(["export", "--to", "coreml", "--out", "x"])


def test_description_lists_answers_and_the_generators_characters(tiny, classifier):
    model = load_language_model(tiny / "models/generator")
    described = describe(classifier, model)
    assert described["characters"] == list(model.vocabulary.characters)
    assert (described["units"], described["max_length"]) == (model.units, model.max_length)


@pytest.mark.parametrize("texts", [["aba", "b"], []])
def test_exported_generator_is_compared_with_the_served_one(tiny, texts, caplog):
    caplog.set_level("INFO")
    model = load_language_model(tiny / "models/generator")
    run = open_openvino(tiny / "models/generator/gru.xml")
    check_steps(model, run, texts)
    assert "differ by at most" in caplog.text
    with pytest.raises(UserError, match="logits differ"):
        check_steps(model, lambda inputs: {**run(inputs), "logits": run(inputs)["logits"] + 1}, texts)


def test_litert_file_takes_images_of_different_sizes(tiny, classifier, tmp_path, rng):
    graph = tiny_graph(tiny, classifier)
    FORMATS["litert"].write(graph, tmp_path / "classifier.tflite", {})
    run = open_litert(tmp_path / "classifier.tflite")
    shapes = {run({"image": photo(rng, *size)})["probabilities"].shape for size in SIZES[:3]}
    assert shapes == {(4,)}
