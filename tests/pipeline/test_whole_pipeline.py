"""The real pipeline, from crawl to metrics, with a small configuration."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from project_copy import TINY
from workspace import PROJECT, Workspace

from herodex.dataset.manifest import read_manifest
from herodex.inference.predict import load_classifier, model_hash
from herodex.params import load_params

CLASSIFIER_STAGES = {
    "split_images",
    "compare_recipes",
    "fine_tune_backbone",
    "train_classifier",
    "evaluate_classifier",
}
GENERATOR_STAGES = {"split_names", "pretrain_generator", "train_generator", "evaluate_generator"}


METRICS = ("headline.json", "classifier/selection.json", "generator/selection.json")


def metrics(project: Workspace, name: str) -> dict:
    return json.loads((project.folder / "reports" / name / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest(project) -> pd.DataFrame:
    return read_manifest(project.folder / "data" / "images" / "split.csv")


def test_second_run_does_nothing(project):
    assert "up to date" in project.dvc("repro").output


def test_every_output_of_every_stage_exists(project):
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    declared = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert set(stages) == set(declared)
    assert [out["path"] for stage in stages.values() for out in stage["outs"] if not out["size"]] == []


@pytest.mark.parametrize("name", ["classifier", "generator"])
def test_metrics_have_count_interval_and_baseline(project, name):
    text = json.dumps(metrics(project, name))
    assert text.count('"n') > 1
    assert text.count('"low"') == text.count('"high"') > 1
    assert "baseline" in text or "trigram" in text


def test_metrics_of_dvc_are_few_and_have_intervals(project):
    shown = json.loads(project.dvc("metrics", "show", "--json").output)[""]["data"]
    found = {Path(file).name: set(figures["data"]) for file, figures in shown.items()}
    assert set(shown) == {f"reports/{name}" for name in METRICS}
    bounded = {f"{name}{end}" for name in ("accuracy", "nats") for end in ("", "_low", "_high")}
    assert found["headline.json"] >= bounded | {"auroc", "false_accepts", "false_rejects", "nats_trigram"}
    assert len(found["headline.json"]) <= 12
    (parent,) = MlflowClient(f"sqlite:///{project.folder}/mlflow.db").search_runs(
        ["1"], "tags.stage = 'repro'"
    )
    assert {name.split(".")[1] for name in parent.data.metrics} == found["headline.json"]


def test_report_names_the_backbone(project):
    backbone = metrics(project, "classifier")["backbone"]
    assert backbone["name"] in ("ResNet50V2", "ResNet50")
    assert backbone["weights"] == "ImageNet"


def test_served_probabilities_equal_evaluated_ones(project, manifest):
    precision = load_params(project.folder / "params.yaml").backbone.precision
    classifier = load_classifier(project.folder / "models", precision)
    files = manifest.drop_duplicates("sha256").set_index("sha256")["file"]
    evaluated = pd.read_csv(project.folder / "reports" / "classifier" / "predictions.csv")
    for row in evaluated.itertuples():
        served = classifier.probabilities([project.image(files[row.sha256], classifier.max_side)])[0]
        assert served == pytest.approx(np.array(row[5:-1]), abs=1e-6)


def test_runs_name_their_model_by_content(project):
    client = MlflowClient(f"sqlite:///{project.folder}/mlflow.db")
    runs = {run.info.run_name: run for run in client.search_runs(["1"])}
    assert set(runs) >= {"train_classifier", "evaluate_classifier", "train_generator", "evaluate_generator"}
    trained = model_hash(project.folder / "models" / "classifier")
    assert runs["train_classifier"].data.tags["model"] == trained
    assert runs["evaluate_classifier"].data.tags["model"] == trained


@pytest.mark.parametrize(
    ("param", "value", "rerun"),
    [
        ("seed", 2, CLASSIFIER_STAGES | GENERATOR_STAGES),
        ("classifier.train.neighbours", 3, {"train_classifier", "evaluate_classifier"}),
        ("classifier.compare.dropout", 0.5, {"compare_recipes"}),
        ("classifier.fine_tune.epochs", 2, {"fine_tune_backbone"}),
        ("classifier.curate.near_similarity", 0.95, {"curate_images", "split_images"}),
        ("classifier.curate.min_label_quality", 0.5, {"curate_images"}),
        ("generator.evaluate.temperature", 1.0, {"evaluate_generator"}),
        ("generator.train.dropout", 0.6, {"train_generator"}),
        ("generator.split.validation", 0.2, {"split_names"}),
        ("serve.max_upload_mb", 5, set()),
        ("storage.bucket", "s3://other/place", set()),
    ],
)
def test_changed_param_reruns_only_stages_that_read_it(project, param, value, rerun):
    project.write_params({**TINY, param: value})
    try:
        planned = project.dvc("repro", "--dry").output
    finally:
        project.write_params(TINY)
    stages = {line.split("'")[1] for line in planned.splitlines() if line.startswith("Running stage")}
    # The lineage depends on all stages.
    assert stages - {"record_lineage"} == rerun
    assert ("record_lineage" in stages) == bool(rerun)


def test_unknown_param_is_a_user_error_and_loses_nothing(project):
    text = (project.folder / "params.yaml").read_text(encoding="utf-8")
    before = project.tree("models")
    (project.folder / "params.yaml").write_text(text.replace("neighbours", "neighbors"), encoding="utf-8")
    try:
        done = project.run("-m", "herodex.classifier.train")
    finally:
        (project.folder / "params.yaml").write_text(text, encoding="utf-8")
    assert done.code == 1
    assert "unknown key 'classifier.train.neighbors'" in done.log
    assert "Traceback" not in done.log
    assert project.tree("models") == before


def test_forced_rerun_gives_the_same_hashes(project):
    before = (project.folder / "dvc.lock").read_text(encoding="utf-8")
    done = project.dvc("repro", "--force")
    assert done.code == 0, done.output + done.log
    assert (project.folder / "dvc.lock").read_text(encoding="utf-8") == before
