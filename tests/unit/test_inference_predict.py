import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_service import COLOURS, write_classifier

from herodex.errors import UserError
from herodex.inference.openvino_runtime import has_matrix_unit
from herodex.inference.predict import MODEL_FILES, answer, explain, load_classifier, model_hash


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A classifier that knows an image by the nearest of three colours."""
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder)
    return folder


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((40, 50, 3), (red, green, blue), np.uint8)


def test_probabilities_follow_what_is_on_the_image_and_sum_to_1(models):
    classifier = load_classifier(models, "f32")
    probabilities = classifier.probabilities([plain(*colour) for colour in COLOURS.values()])
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_one_image_gets_the_same_answer_alone_and_in_a_batch(models):
    classifier = load_classifier(models, "f32")
    images = [plain(9 * i, 100, 255 - 9 * i) for i in range(20)]
    alone = np.concatenate([classifier.probabilities([image]) for image in images])
    assert classifier.probabilities(images) == pytest.approx(alone, abs=1e-6)


def test_many_threads_get_their_own_answers(models):
    classifier = load_classifier(models, "f32")
    images = [plain(9 * i, 0, 255 - 9 * i) for i in range(28)]
    alone = [classifier.probabilities([image]) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: classifier.probabilities([image]), images * 4))
    for i, row in enumerate(together):
        assert (row == alone[i % len(alone)]).all()


def test_bf16_is_chosen_only_where_the_cpu_multiplies_matrices_in_it(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert not has_matrix_unit(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 avx2", encoding="utf-8")
    assert not has_matrix_unit(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 amx_bf16", encoding="utf-8")
    assert has_matrix_unit(cpuinfo)


def test_an_answer_names_the_likeliest_class_and_whether_it_is_one(models):
    classifier = load_classifier(models, "f32")
    look = classifier.look([plain(*COLOURS["meadow"]), plain(128, 128, 128)])
    sure, strange = answer(classifier, look), answer(classifier, look, 1)
    assert (sure.label, sure.known) == ("meadow", True)
    assert sum(sure.probabilities.values()) + sure.unknown == pytest.approx(1)
    assert not strange.known
    assert strange.unknown > 0.5


def test_an_explanation_shows_the_nearest_image_first_and_where_the_evidence_lies(models):
    classifier = load_classifier(models, "f32")
    image = plain(128, 128, 128)
    image[:, :20] = COLOURS["ocean"]
    reasons = explain(classifier, classifier.look([image], explained=True), image)
    assert reasons.nearest[0].label == reasons.heat_map.label == "ocean"
    assert reasons.nearest[0].page_url == "http://a.test/ocean"
    # Of the square in the middle, which is looked at, the left half is blue.
    heat = np.array(reasons.heat_map.grid)
    assert heat[:, 5:12].min() > heat[:, 16:].max()


def test_the_models_name_is_its_content(models, tmp_path):
    classifier = load_classifier(models, "f32")
    assert model_hash(models / "classifier").startswith(classifier.model)
    for name in MODEL_FILES:
        (tmp_path / name).write_bytes((models / "classifier" / name).read_bytes())
    assert model_hash(tmp_path) == model_hash(models / "classifier")
    (tmp_path / "classifier.json").write_text("{}", encoding="utf-8")
    assert model_hash(tmp_path) != model_hash(models / "classifier")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match=r"head\.xml"):
        load_classifier(tmp_path, "f32")


def test_what_serves_imports_nothing_that_trains():
    code = "import herodex.inference.predict, herodex.inference.image_decoding, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"tensorflow", "keras", "mlflow", "dvc", "scrapy", "pandas", "matplotlib", "sklearn"}


def test_a_classifier_answers_by_the_backbone_that_was_tuned_for_it(models, tmp_path):
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    for name in ("backbone.xml", "backbone.bin"):
        shutil.move(tmp_path / "backbone" / name, tmp_path / "classifier" / name)
    images = [plain(*colour) for colour in COLOURS.values()]
    expected = load_classifier(models, "f32").probabilities(images)
    assert (load_classifier(tmp_path, "f32").probabilities(images) == expected).all()
