"""The real pipeline, from crawl to figures, on a tiny configuration."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from project_copy import TINY
from workspace import PROJECT, Workspace

from crawlers.demo_web.faults import Kind
from crawlers.demo_web.truth import plan_web
from herodex.classifier.manifest import REASONS, read_manifest
from herodex.classifier.picture import normalise, open_picture
from herodex.classifier.predict import load_classifier, model_hash
from herodex.params import load_params

GENERATOR_STAGES = {"split_names", "pretrain_generator", "train_generator", "evaluate_generator"}


def metrics(project: Workspace, room: str) -> dict:
    return json.loads((project.folder / "reports" / room / "metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def manifest(project) -> pd.DataFrame:
    return read_manifest(project.folder / "data" / "images" / "split.csv")


def test_a_second_run_does_nothing(project):
    assert "up to date" in project.dvc("repro").output


def test_every_output_of_every_stage_is_there(project):
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    declared = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert set(stages) == set(declared)
    assert [out["path"] for stage in stages.values() for out in stage["outs"] if not out["size"]] == []


def test_no_search_result_is_lost_on_the_way(project, manifest):
    raw = read_manifest(project.folder / "data" / "images" / "raw" / "manifest.csv")
    assert len(raw) == 72
    assert manifest[["query", "rank", "picture_url"]].equals(raw[["query", "rank", "picture_url"]])
    assert (manifest["dropped_for"] != "").sum() == (manifest["kept"] == "0").sum() > 0


def test_copies_never_straddle_two_parts(manifest):
    used = manifest[manifest["part"] != ""]
    assert (used.groupby("cluster")["part"].nunique() == 1).all()
    assert set(used["part"]) == {"train", "validation", "test"}


def test_copies_and_only_copies_share_a_cluster(project, manifest):
    plan = plan_web(load_params(project.folder / "params.yaml"))
    readable = manifest["cluster"].where(manifest["phash"] != "", "")
    cluster = {
        planned.id: found
        for planned, found in zip(plan, readable, strict=True)
        if found and planned.subject and planned.kind is not Kind.SHARED
    }
    copies = [planned for planned in plan if planned.original in cluster and planned.id in cluster]
    assert len(copies) >= 5
    assert [copy.kind for copy in copies if cluster[copy.id] != cluster[copy.original]] == []
    sound = [cluster[planned.id] for planned in plan if planned.id in cluster and not planned.original]
    assert len(sound) == len(set(sound))


def test_every_reason_is_one_that_is_explained(manifest):
    assert set(manifest["dropped_for"]) - {""} <= set(REASONS)


def test_the_report_shows_each_reason_that_has_pictures(project, manifest):
    folder = project.folder / "reports" / "clean"
    shown = {sheet.stem for sheet in (folder / "sheets").iterdir()}
    assert shown == set(manifest["dropped_for"][manifest["phash"] != ""]) - {""}
    counts = pd.read_csv(folder / "counts.csv", index_col="query")
    assert counts.loc["all", "results"] == len(manifest)
    assert counts.loc["all", "kept"] == (manifest["kept"] == "1").sum()


def test_only_the_allowed_labels_are_used(manifest):
    assert set(manifest["label"]) == {"tea", "coffee", "unknown"}


@pytest.mark.parametrize("room", ["classifier", "generator"])
def test_figures_come_with_count_interval_and_baseline(project, room):
    text = json.dumps(metrics(project, room))
    assert text.count('"n') > 1
    assert text.count('"low"') == text.count('"high"') > 1
    assert "baseline" in text or "trigram" in text


def test_the_report_says_which_backbone_it_was(project):
    backbone = metrics(project, "classifier")["backbone"]
    assert backbone["name"] in ("ResNet50V2", "ResNet50")
    assert backbone["weights"] == "ImageNet"


def test_what_is_served_is_what_was_measured(project, manifest):
    precision = load_params(project.folder / "params.yaml").backbone.precision
    classifier = load_classifier(project.folder / "models", precision)
    files = manifest.drop_duplicates("sha256").set_index("sha256")["file"]
    measured = pd.read_csv(project.folder / "reports" / "classifier" / "predictions.csv")
    for row in measured.itertuples():
        data = (project.folder / "data" / "images" / "raw" / files[row.sha256]).read_bytes()
        picture = normalise(open_picture(data, 50_000_000), classifier.max_side)
        served = classifier.probabilities([picture])[0]
        assert served == pytest.approx(np.array(row[5:-1]), abs=1e-6)


def test_each_run_is_tied_to_its_model_by_content(project):
    client = MlflowClient(f"sqlite:///{project.folder}/mlflow.db")
    runs = {run.info.run_name: run for run in client.search_runs(["1"])}
    assert set(runs) >= {"train_classifier", "evaluate_classifier", "train_generator", "evaluate_generator"}
    trained = model_hash(project.folder / "models" / "classifier")
    assert runs["train_classifier"].data.tags["model"] == trained
    assert runs["evaluate_classifier"].data.tags["model"] == trained


@pytest.mark.parametrize(
    ("param", "value", "rerun"),
    [
        ("seed", 2, {"split_images", "train_classifier", "evaluate_classifier"} | GENERATOR_STAGES),
        ("classifier.train.neighbours", 3, {"train_classifier"}),
        ("classifier.curate.near_similarity", 0.95, {"curate_images", "split_images"}),
        ("classifier.curate.min_label_quality", 0.5, {"curate_images"}),
        ("generator.evaluate.temperature", 1.0, {"evaluate_generator"}),
        ("generator.train.dropout", 0.6, {"train_generator"}),
        ("generator.split.validation", 0.2, {"split_names"}),
        ("serve.max_upload_mb", 5, set()),
    ],
)
def test_a_changed_parameter_touches_just_the_stages_that_read_it(project, param, value, rerun):
    project.write_params({**TINY, param: value})
    try:
        planned = project.dvc("repro", "--dry").output
    finally:
        project.write_params(TINY)
    stages = {line.split("'")[1] for line in planned.splitlines() if line.startswith("Running stage")}
    # What is touched at all is told in the lineage.
    assert stages - {"record_lineage"} == rerun
    assert ("record_lineage" in stages) == bool(rerun)


def test_a_spoilt_parameter_stops_the_run_with_one_message_and_loses_nothing(project):
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


def test_a_forced_rerun_gives_the_same_hashes(project):
    before = (project.folder / "dvc.lock").read_text(encoding="utf-8")
    done = project.dvc("repro", "--force")
    assert done.code == 0, done.output + done.log
    assert (project.folder / "dvc.lock").read_text(encoding="utf-8") == before
