import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from herodex.classifier.features import embed, has_matrix_unit, load_embedder, to_input
from herodex.classifier.predict import answer, load_classifier, model_hash
from herodex.errors import UserError

LABELS = ["cat", "dog", "unknown"]


def save(output: ov.Node, parameter: ov.op.Parameter, xml: Path) -> None:
    # OpenVINO's stubs deny the constructor that its documentation shows.
    ov.save_model(ov.Model([output], [parameter]), xml)  # pyright: ignore


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A backbone whose features are a picture's colours, and a head that names the strongest colour."""
    folder = tmp_path_factory.mktemp("models")
    rgb = ops.parameter([-1, -1, -1, 3], np.float32, "rgb")
    (folder / "backbone").mkdir()
    save(ops.relu(rgb), rgb, folder / "backbone" / "backbone.xml")
    features = ops.parameter([-1, 3], np.float32, "features")
    scaled = ops.multiply(features, np.float32(0.02))
    (folder / "classifier").mkdir()
    save(ops.softmax(scaled, 1), features, folder / "classifier" / "head.xml")
    settings = {"labels": LABELS, "input_size": 32, "pooling": "avg", "max_side": 64}
    (folder / "classifier" / "classifier.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((40, 50, 3), (red, green, blue), np.uint8)


def test_probabilities_follow_what_is_on_the_picture_and_sum_to_1(models):
    classifier = load_classifier(models, "f32")
    probabilities = classifier.probabilities([plain(250, 0, 0), plain(0, 250, 0), plain(0, 0, 250)])
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_one_picture_gets_the_same_answer_alone_and_in_a_batch(models):
    classifier = load_classifier(models, "f32")
    pictures = [plain(9 * i, 100, 255 - 9 * i) for i in range(20)]
    alone = np.concatenate([classifier.probabilities([picture]) for picture in pictures])
    assert classifier.probabilities(pictures) == pytest.approx(alone, abs=1e-6)


def test_many_threads_get_their_own_answers(models):
    classifier = load_classifier(models, "f32")
    pictures = [plain(9 * i, 0, 255 - 9 * i) for i in range(28)]
    alone = [classifier.probabilities([picture]) for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda picture: classifier.probabilities([picture]), pictures * 4))
    for i, row in enumerate(together):
        assert (row == alone[i % len(alone)]).all()


@pytest.mark.parametrize(("pooling", "expected"), [("avg", 50), ("max", 100)])
def test_pooling_is_over_the_whole_feature_map(models, pooling, expected):
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, :16] = 100
    features = embed(load_embedder(models / "backbone", "f32", 32, pooling), [picture])
    assert features.dtype == np.float32
    assert features[0] == pytest.approx([expected] * 3, abs=3 if pooling == "max" else 1)


def test_a_picture_of_any_shape_fits_the_network():
    assert to_input(np.zeros((7, 300, 3), np.uint8), 32).shape == (32, 32, 3)


def test_bf16_is_chosen_only_where_the_cpu_multiplies_matrices_in_it(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert not has_matrix_unit(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 avx2", encoding="utf-8")
    assert not has_matrix_unit(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 amx_bf16", encoding="utf-8")
    assert has_matrix_unit(cpuinfo)


def test_an_answer_names_the_likeliest_class_and_whether_it_is_one(models):
    classifier = load_classifier(models, "f32")
    sure = answer(classifier, np.array([0.1, 0.7, 0.2]), unknown_threshold=0.5)
    assert (sure.label, sure.known, sure.unknown) == ("dog", True, 0.2)
    assert sure.probabilities == {"cat": 0.1, "dog": 0.7}
    unsure = answer(classifier, np.array([0.1, 0.2, 0.7]), unknown_threshold=0.5)
    assert (unsure.label, unsure.known) == ("dog", False)


def test_the_models_name_is_its_content(models, tmp_path):
    classifier = load_classifier(models, "f32")
    assert model_hash(models / "classifier").startswith(classifier.model)
    for name in ("head.xml", "head.bin", "classifier.json"):
        (tmp_path / name).write_bytes((models / "classifier" / name).read_bytes())
    assert model_hash(tmp_path) == model_hash(models / "classifier")
    (tmp_path / "classifier.json").write_text("{}", encoding="utf-8")
    assert model_hash(tmp_path) != model_hash(models / "classifier")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"head\.xml"):
        load_classifier(tmp_path, "f32")


def test_what_serves_imports_nothing_that_trains():
    code = "import herodex.classifier.predict, herodex.classifier.picture, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"tensorflow", "keras", "mlflow", "dvc", "scrapy", "pandas", "matplotlib", "sklearn"}
