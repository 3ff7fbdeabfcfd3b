"""The classifier's stages on twelve other classes with few images each."""

import hashlib
import json
import os
import shutil
import warnings
from pathlib import Path

import httpx
import keras
import numpy as np
import pandas as pd
import pytest
from project_copy import ProjectCopy, copy_project
from tiny_service import make_project, serving
from workspace import PROJECT

from herodex.dataset.manifest import read_manifest
from herodex.errors import UserError
from herodex.inference.predict import load_classifier
from herodex.params import load_params
from herodex.paths import FEATURE_CACHE
from scripts.prove import SMALL

TWELVE = ["ant", "bee", "cat", "dog", "7", "fox", "gnu", "hen", "ibis", "jay", "koi", "lynx"]
PARAMS = {
    **SMALL,
    "classes": TWELVE,
    "distractors": [],
    "crawl.images.per_query": 20,
    "demo_web.results_per_query": 20,
    "demo_web.shares": dict.fromkeys(load_params().demo_web.shares.model_dump(), 0.0),
    "classifier.embed.input_size": 96,
    "classifier.embed.views": ["middle"],
    "classifier.embed.mirror": False,
    "classifier.train.folds": 2,
}
# The corrupted images of the first run show what they are to show.
TEST_PART = {"classifier.split.test": 0.2, "classifier.evaluate.corruptions": False}
TUNED = {**TEST_PART, "classifier.fine_tune.use": "always", "classifier.fine_tune.epochs": 1}
V2 = {
    **PARAMS,
    **TEST_PART,
    "backbone.candidates": ["ResNet50V2"],
    "classifier.embed.input_size": 64,
    # All images look similar to a random network, and it says little about labels.
    "classifier.curate.near_similarity": 1.0,
    "classifier.curate.min_label_quality": 0,
    # Too slow to change an answer, so any difference is a fault of the tuned backbone's computation.
    "classifier.fine_tune.use": "always",
    "classifier.fine_tune.learning_rate": 1e-9,
    "classifier.fine_tune.epochs": 1,
}
WEIGHTS = "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
SITE = """import sys
if {{"herodex.embedding.backbone", "herodex.classifier.fine_tune"}} & set(sys.orig_argv):
    from keras.src.applications import resnet
    resnet.WEIGHTS_HASHES["resnet50v2"] = ("", "{md5}")
"""
"""A `sitecustomize.py` that lets Keras accept other weights in its cache than those on its server."""


def run(project: ProjectCopy, **environment: str) -> None:
    done = project.command("dvc", "repro", "evaluate_classifier", **environment)
    assert done.code == 0, done.output + done.log


@pytest.fixture(scope="module")
def twelve(tmp_path_factory, dvc_cache) -> ProjectCopy:
    project = copy_project(tmp_path_factory.mktemp("twelve"), PARAMS, dvc_cache)
    run(project)
    return project


def report(project: ProjectCopy, name: str) -> dict:
    return json.loads((project.folder / "reports/classifier" / name).read_text(encoding="utf-8"))


def test_twelve_classes_of_20_images_are_learnt_with_wide_intervals(twelve):
    figures = report(twelve, "metrics.json")
    accuracy = figures["accuracy"]
    assert set(figures["recall"]) == set(TWELVE)
    assert accuracy["low"] > 3 / len(TWELVE)
    assert accuracy["n"] < 240
    assert accuracy["high"] - accuracy["low"] > 0.05
    by_class = [recall["high"] - recall["low"] for recall in figures["recall"].values()]
    assert min(by_class) > accuracy["high"] - accuracy["low"]


def test_without_a_test_part_all_images_are_learnt_and_answered_out_of_fold(twelve):
    figures, validation = report(twelve, "metrics.json"), report(twelve, "validation.json")
    manifest = read_manifest(twelve.folder / "data/images/split.csv")
    kept = (manifest["kept"] == "1").sum()
    assert "test" not in set(manifest["part"])
    assert len(np.load(twelve.folder / "models/classifier/gallery.npy")) == figures["accuracy"]["n"] == kept
    assert figures["answers"] == "images, out of fold"
    assert figures["accuracy"] == validation["accuracy"]
    assert figures["balanced_accuracy"] == validation["balanced_accuracy"]
    assert figures["ood"]["false_reject_rate"] == validation["ood"]["false_reject_rate"]
    assert set(validation["searches"]["taken_for"]) == set(TWELVE)
    assert {found["n"] for found in figures["corruptions"].values()} == {60}
    # A model that has learned from the images would know their mirrored versions.
    assert figures["corruptions"]["mirrored"]["high"] < 0.85
    assert figures["export_difference"] <= 1e-3


def test_an_exported_classifier_unlike_the_fitted_one_stops_the_evaluation(twelve):
    file = twelve.folder / "reports/classifier/fitted.csv"
    before = file.read_bytes()
    table = pd.read_csv(file)
    # DVC links its cache, which must not change.
    file.unlink()
    table.assign(p_ant=1 - table["p_ant"]).to_csv(file, index=False)
    done = twelve.command("python", "-m", "herodex.evaluation.evaluate")
    file.write_bytes(before)
    assert done.code == 1
    assert "the exported classifier is off the fitted one" in done.log
    assert "Traceback" not in done.log


def test_every_recipe_is_compared_and_the_selected_one_is_served(twelve):
    table = pd.read_csv(twelve.folder / "reports/classifier/recipes.csv")
    record = json.loads((twelve.folder / "models/classifier/classifier.json").read_text(encoding="utf-8"))
    assert record["recipe"] == report(twelve, "recipes.json")["chosen"] in set(table["recipe"])
    assert (table["accuracy_low"] < table["accuracy_high"]).all()
    assert record["classes"] == TWELVE


def test_quantiles_for_drift_are_of_the_scores_out_of_fold(twelve):
    found = np.load(twelve.folder / "models/classifier/ood_quantiles.npy")
    # Each label is a class here.
    scores = pd.read_csv(twelve.folder / "reports/classifier/out_of_fold.csv")["ood_score"]
    assert found == pytest.approx(np.quantile(scores, np.linspace(0, 1, 101)), abs=1e-3)


def test_fine_tuned_backbone_is_cross_validated_and_served_as_evaluated(twelve, tmp_path):
    twelve.write_params({**PARAMS, **TUNED})
    run(twelve)
    tuning, folder = report(twelve, "fine_tune.json"), twelve.folder
    assert tuning["tuned"]
    assert tuning["accuracy"]["n"] == tuning["accuracy_tuned"]["n"] == tuning["gain"]["n"] > 50
    precision = load_params(folder / "params.yaml").backbone.precision
    classifier = load_classifier(folder / "models", precision)
    shutil.copytree(folder / "models", tmp_path / "models")
    (tmp_path / "models/classifier/backbone.xml").unlink()
    with pytest.raises(UserError, match="is not the backbone that the classifier was trained with"):
        load_classifier(tmp_path / "models", precision)
    weights = (tmp_path / "models/backbone/backbone.bin").read_bytes()
    file = tmp_path / "models/classifier/classifier.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["backbone"]["ir_sha256"] = hashlib.sha256(weights).hexdigest()
    file.write_text(json.dumps(record), encoding="utf-8")
    untuned = load_classifier(tmp_path / "models", precision)
    manifest = read_manifest(folder / "data/images/split.csv")
    files = dict(zip(manifest["sha256"], manifest["file"], strict=True))
    for row in pd.read_csv(folder / "reports/classifier/predictions.csv").head(5).itertuples():
        image = twelve.image(files[str(row.sha256)], classifier.max_side)
        evaluated = np.array(row[5:-1])
        assert classifier.probabilities([image])[0] == pytest.approx(evaluated, abs=1e-6)
        assert untuned.probabilities([image])[0] != pytest.approx(evaluated, abs=1e-4)


def own_folder(raw: Path, root: Path) -> None:
    """Make a folder of the user's: of each class four test images, the others in groups over all classes."""
    lines = ["path,group"]
    for query in ("ant", "bee", "cat"):
        for place, file in enumerate(sorted((raw / query).iterdir())):
            target = root / ("test" if place < 4 else "train") / query / f"{place}{file.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
            if place >= 4:
                lines.append(f"{target.relative_to(root)},video {place % 6}")
    file = min((root / "test/ant").iterdir())
    shutil.copy(file, root / "train/ant" / f"again{file.suffix}")
    (root / "groups.csv").write_text("\n".join(lines), encoding="utf-8")


def test_own_test_folders_and_groups_are_kept_apart_from_the_learning(twelve, dvc_cache, tmp_path):
    own = {"crawl.web": "own", "crawl.images.sources": ["folder"], "classifier.split.test": "folder"}
    classes = {"classes": ["ant", "bee"], "distractors": ["cat"]}
    project = copy_project(tmp_path, {**PARAMS, **TEST_PART, **own, **classes}, dvc_cache)
    own_folder(twelve.folder / "data/images/raw", project.folder / "own")
    # Most of these images have been embedded.
    (project.folder / FEATURE_CACHE.parent).mkdir()
    shutil.copy(twelve.folder / FEATURE_CACHE, project.folder / FEATURE_CACHE)
    run(project)
    manifest = read_manifest(project.folder / "data/images/split.csv")
    asked = manifest["folder_part"] == "test"
    assert set(manifest["part"][asked]) == {"test"}
    assert asked.sum() == (manifest["part"] == "test").sum() == 12
    again = manifest[manifest["image_url"].str.startswith("train/ant/again")]
    assert list(again["dropped_for"]) == ["exact_duplicate"]
    learnt = manifest[manifest["part"].isin(["train", "validation"])]
    assert set(learnt["part"]) == {"train", "validation"}
    assert (learnt.groupby("group")[["part", "duplicate_group"]].nunique() == 1).all(axis=None)
    assert learnt["group"].nunique() > 2
    for table in ("models/classifier/gallery.csv", "reports/classifier/out_of_fold.csv"):
        assert not set(read_manifest(project.folder / table)["sha256"]) & set(manifest["sha256"][asked])
    assert report(project, "metrics.json")["answers"] == "test images"
    assert report(project, "metrics.json")["accuracy"]["n"] == 12
    assert report(project, "validation.json")["accuracy"]["n"] == len(learnt)
    sources = project.text("reports/sources.md")
    assert "Images in folders named test: 12." in sources
    assert "in 6 groups. Images without a line, each a group of its own: 13." in sources


@pytest.fixture(scope="module")
def random_v2(tmp_path_factory) -> dict[str, str]:
    """The environment in which Keras finds seeded random weights of ResNet50V2 in its cache."""
    folder: Path = tmp_path_factory.mktemp("keras")
    keras.utils.set_random_seed(8)
    network = keras.applications.ResNet50V2(include_top=False, weights=None)
    (folder / "models").mkdir()
    with warnings.catch_warnings():
        # Keras saves this format with a deprecated call of NumPy.
        warnings.simplefilter("ignore", DeprecationWarning)
        network.save(folder / "models" / WEIGHTS)
    md5 = hashlib.md5((folder / "models" / WEIGHTS).read_bytes()).hexdigest()
    (folder / "sitecustomize.py").write_text(SITE.format(md5=md5), encoding="utf-8")
    path = os.pathsep.join([str(folder), str(PROJECT / "src"), os.environ.get("PYTHONPATH", "")])
    return {"KERAS_HOME": str(folder), "PYTHONPATH": path}


def test_resnet50v2_is_embedded_tuned_evaluated_and_served(twelve, random_v2, tmp_path):
    twelve.write_params(V2)
    run(twelve, **random_v2)
    backbone, tuning = report(twelve, "metrics.json")["backbone"], report(twelve, "fine_tune.json")
    assert backbone == {"name": "ResNet50V2", "weights": "ImageNet, last stage tuned", "source": "keras"}
    assert tuning["accuracy"]["low"] > 1 / len(TWELVE)
    assert abs(tuning["gain"]["value"]) < 0.03

    served = make_project(tmp_path / "served")
    for name in ("backbone", "classifier"):
        shutil.copytree(twelve.folder / "models" / name, served / "models" / name, dirs_exist_ok=True)
    manifest = read_manifest(twelve.folder / "data/images/split.csv")
    files = dict(zip(manifest["sha256"], manifest["file"], strict=True))
    row = next(pd.read_csv(twelve.folder / "reports/classifier/predictions.csv").itertuples())
    image = (twelve.folder / "data/images/raw" / files[str(row.sha256)]).read_bytes()
    with serving(served) as url:
        sent = {"image": ("image", image)}
        answer = httpx.post(f"{url}/api/classify?explain=true", files=sent, timeout=60).json()
    assert answer["probabilities"] == pytest.approx(dict(zip(TWELVE, row[5:-2], strict=True)), abs=1e-5)
    assert answer["label"] == row.predicted or row.predicted == "unknown"
    assert np.max(answer["heat_map"]["grid"]) == 1
