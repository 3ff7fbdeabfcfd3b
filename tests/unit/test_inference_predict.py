import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_service import COLOURS, write_classifier

from herodex.errors import UserError
from herodex.inference.predict import MODEL_FILES, explain, load_classifier, model_hash, to_prediction


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A classifier that knows three colours."""
    folder = tmp_path_factory.mktemp("models")
    write_classifier(folder)
    return folder


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((40, 50, 3), (red, green, blue), np.uint8)


def test_probabilities_sum_to_1_and_favour_the_right_class(models):
    classifier = load_classifier(models, "f32")
    probabilities = classifier.probabilities([plain(*colour) for colour in COLOURS.values()])
    assert probabilities.argmax(axis=1).tolist() == [0, 1, 2]
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_answers_do_not_depend_on_the_batch(models):
    classifier = load_classifier(models, "f32")
    images = [plain(9 * i, 100, 255 - 9 * i) for i in range(20)]
    alone = np.concatenate([classifier.probabilities([image]) for image in images])
    assert classifier.probabilities(images) == pytest.approx(alone, abs=1e-6)


def test_threads_get_their_own_answers(models):
    classifier = load_classifier(models, "f32")
    images = [plain(9 * i, 0, 255 - 9 * i) for i in range(28)]
    alone = [classifier.probabilities([image]) for image in images]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda image: classifier.probabilities([image]), images * 4))
    for i, row in enumerate(together):
        assert (row == alone[i % len(alone)]).all()


def test_prediction_names_the_likeliest_class_and_whether_it_is_known(models):
    classifier = load_classifier(models, "f32")
    outputs = classifier.run([plain(*COLOURS["meadow"]), plain(128, 128, 128)])
    known, other = to_prediction(classifier, outputs), to_prediction(classifier, outputs, 1)
    assert (known.label, known.known) == ("meadow", True)
    assert sum(known.probabilities.values()) + known.unknown == pytest.approx(1)
    assert not other.known
    assert other.unknown > 0.5
    assert (known.looks_like, other.looks_like) == ("", "grey")


def test_explanation_has_the_most_similar_image_and_the_evidence(models):
    classifier = load_classifier(models, "f32")
    image = plain(128, 128, 128)
    image[:, :20] = COLOURS["ocean"]
    reasons = explain(classifier, classifier.run([image], keep_maps=True), image)
    assert reasons.nearest[0].label == reasons.heat_map.label == "ocean"
    assert reasons.nearest[0].page_url == "http://a.test/ocean"
    # The left half of the centred square is blue.
    heat = np.array(reasons.heat_map.grid)
    assert heat[:, 5:12].min() > heat[:, 16:].max()


def test_model_hash_depends_on_content_alone(models, tmp_path):
    classifier = load_classifier(models, "f32")
    assert model_hash(models / "classifier").startswith(classifier.model)
    for name in MODEL_FILES:
        (tmp_path / name).write_bytes((models / "classifier" / name).read_bytes())
    assert model_hash(tmp_path) == model_hash(models / "classifier")
    (tmp_path / "classifier.json").write_text("{}", encoding="utf-8")
    assert model_hash(tmp_path) != model_hash(models / "classifier")


def test_a_missing_model_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"head\.npy"):
        load_classifier(tmp_path, "f32")


def damage(models: Path, target: Path, **changes: object) -> Path:
    """Copy the models and change fields of `classifier.json`."""
    shutil.copytree(models, target, dirs_exist_ok=True)
    file = target / "classifier/classifier.json"
    record = json.loads(file.read_text(encoding="utf-8")) | changes
    file.write_text(json.dumps(record), encoding="utf-8")
    return target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, r"classifier\.json has format 1; this version of Herodex reads format \d"),
        ({"temperature": 0}, r"classifier\.json is damaged: temperature: .* greater than 0"),
        ({"sets": {}}, r"classifier\.json is damaged: sets: Extra inputs"),
        ({"backbone": {"ir_sha256": "0" * 64}}, "is not the backbone that the classifier was trained with"),
    ],
)
def test_a_model_of_another_format_or_backbone_is_refused(models, tmp_path, changes, message):
    with pytest.raises(UserError, match=message):
        load_classifier(damage(models, tmp_path, **changes), "f32")


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_a_record_that_is_no_object_is_called_damaged(models, tmp_path, text):
    folder = damage(models, tmp_path)
    (folder / "classifier/classifier.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="is damaged"):
        load_classifier(folder, "f32")


def test_inference_imports_nothing_that_trains():
    code = "import herodex.inference.predict, herodex.inference.image_decoding, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"tensorflow", "keras", "mlflow", "dvc", "scrapy", "pandas", "matplotlib", "sklearn"}


def test_a_fine_tuned_backbone_beside_the_classifier_is_used(models, tmp_path):
    shutil.copytree(models, tmp_path, dirs_exist_ok=True)
    for name in ("backbone.xml", "backbone.bin"):
        shutil.move(tmp_path / "backbone" / name, tmp_path / "classifier" / name)
    images = [plain(*colour) for colour in COLOURS.values()]
    expected = load_classifier(models, "f32").probabilities(images)
    assert (load_classifier(tmp_path, "f32").probabilities(images) == expected).all()
