"""The classifier's stages on twelve other classes with few images each."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from project_copy import ProjectCopy, copy_project

from herodex.dataset.manifest import read_manifest
from herodex.inference.predict import load_classifier
from herodex.params import load_params
from scripts.prove import SMALL

TWELVE = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibis", "jay", "koi", "lynx"]
PARAMS = {
    **SMALL,
    "classes": TWELVE,
    "distractors": [],
    "crawl.images.per_query": 20,
    "demo_web.results_per_query": 20,
    "demo_web.shares": dict.fromkeys(load_params().demo_web.shares.model_dump(), 0.0),
    "classifier.embed.views": ["middle"],
    "classifier.embed.mirror": False,
    "classifier.train.folds": 2,
}
TUNED = {"classifier.fine_tune.use": "always", "classifier.fine_tune.epochs": 1}


def run(project: ProjectCopy) -> None:
    done = project.dvc("repro", "evaluate_classifier")
    assert done.code == 0, done.output + done.log


@pytest.fixture(scope="module")
def twelve(tmp_path_factory) -> ProjectCopy:
    project = copy_project(tmp_path_factory.mktemp("twelve"), PARAMS)
    run(project)
    return project


def report(project: ProjectCopy, name: str) -> dict:
    return json.loads((project.folder / "reports/classifier" / name).read_text(encoding="utf-8"))


def test_twelve_classes_of_20_images_are_learnt_with_wide_intervals(twelve):
    figures = report(twelve, "metrics.json")
    accuracy = figures["accuracy"]
    assert set(figures["recall"]) == set(TWELVE)
    assert accuracy["low"] > 3 / len(TWELVE)
    assert accuracy["n"] < 80
    assert accuracy["high"] - accuracy["low"] > 0.05
    by_class = [recall["high"] - recall["low"] for recall in figures["recall"].values()]
    assert min(by_class) > accuracy["high"] - accuracy["low"]


def test_every_recipe_is_compared_and_the_selected_one_is_served(twelve):
    table = pd.read_csv(twelve.folder / "reports/classifier/recipes.csv")
    record = json.loads((twelve.folder / "models/classifier/classifier.json").read_text(encoding="utf-8"))
    assert record["recipe"] == report(twelve, "recipes.json")["chosen"] in set(table["recipe"])
    assert (table["accuracy_low"] < table["accuracy_high"]).all()
    assert record["classes"] == TWELVE


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
    untuned = load_classifier(tmp_path / "models", precision)
    manifest = read_manifest(folder / "data/images/split.csv")
    files = dict(zip(manifest["sha256"], manifest["file"], strict=True))
    for row in pd.read_csv(folder / "reports/classifier/predictions.csv").head(5).itertuples():
        image = twelve.image(files[str(row.sha256)], classifier.max_side)
        evaluated = np.array(row[5:-1])
        assert classifier.probabilities([image])[0] == pytest.approx(evaluated, abs=1e-6)
        assert untuned.probabilities([image])[0] != pytest.approx(evaluated, abs=1e-4)
