"""Lineage, trace, promotion and packaging on the real pipeline."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from project_copy import TINY, ProjectCopy
from workspace import PROJECT, Run

from herodex.lineage.counts import read_rows

STAGES = yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
OTHER = {**TINY, "classifier.train.l2": [1e6]}
"""Params that leave the classifier almost untrained."""


def herodex(project: ProjectCopy, *words: str) -> Run:
    return project.command("herodex", *words, BENTOML_HOME=str(project.folder / "bentoml"))


def lineage(project: ProjectCopy) -> dict[str, Any]:
    return json.loads(project.text("models/lineage.json"))


def client(project: ProjectCopy) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project.folder}/mlflow.db")


def runs(project: ProjectCopy, stage: str) -> list[Any]:
    return list(client(project).search_runs(["1"], f"tags.stage = '{stage}'"))


def test_every_stage_has_one_run_under_its_repro(project):
    (parent,) = runs(project, "repro")
    children = {stage: runs(project, stage) for stage in STAGES if stage != "record_lineage"}
    assert {stage: len(found) for stage, found in children.items()} == dict.fromkeys(children, 1)
    found = [run for (run,) in children.values()]
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *found]} == {"FINISHED"}
    assert parent.data.tags["classifier"] == lineage(project)["classifier"]["model"]


def test_training_run_holds_curves_inputs_hashes_and_a_model_with_signature(project):
    (run,) = runs(project, "train_classifier")
    assert len(client(project).get_metric_history(run.info.run_id, "loss")) > 5
    assert "out_of_fold.csv" in {file.path for file in client(project).list_artifacts(run.info.run_id)}
    assert {item.dataset.name for item in run.inputs.dataset_inputs} >= {"data/images/split.csv"}
    assert run.data.tags["model"] == lineage(project)["classifier"]["model"]
    stage = lineage(project)["classifier"]["stages"]["train_classifier"]
    assert run.data.tags["code"] == stage["code"]
    assert json.loads(run.data.tags["libraries"]) == stage["libraries"] != {}
    (output,) = run.outputs.model_outputs
    logged = client(project).get_logged_model(output.model_id)
    assert "inputs" in Path(logged.artifact_location.removeprefix("file://"), "MLmodel").read_text()


def test_lineage_covers_all_upstream_stages_and_counts_the_data(project):
    recorded = lineage(project)
    assert next(iter(recorded["classifier"]["stages"])) == "scrape_images"
    assert list(recorded["generator"]["stages"])[-1] == "evaluate_generator"
    rows = read_rows(project.folder / "data/images/split.csv")
    used = [row for row in rows if row["part"] in {"train", "validation", "test"}]
    assert sum(recorded["classifier"]["data"]["by_license"].values()) == len(used)
    metrics = json.loads(project.text("reports/classifier/metrics.json"))
    assert recorded["classifier"]["metrics"]["accuracy"] == metrics["accuracy"]
    assert recorded["classifier"]["model"].startswith(metrics["model"])


def test_files_of_the_project_are_as_its_statement_says(project):
    verified = herodex(project, "verify", ".")
    assert (verified.code, verified.log) == (0, "")
    assert "reports/provenance/slsa.json" in verified.output
    statement = json.loads(project.text("reports/provenance/slsa.json"))
    targets = statement["predicate"]["buildDefinition"]["externalParameters"]["targets"]
    assert targets == {name: entry["model"] for name, entry in lineage(project).items()}


def test_trace_of_a_model_shows_pages_runs_libraries_and_versions(project):
    model = lineage(project)["classifier"]["model"]
    traced = herodex(project, "trace", model[:12])
    assert traced.code == 0, traced.log
    (run,) = runs(project, "train_classifier")
    rows = read_rows(project.folder / "data/images/split.csv")
    trained = next(row for row in rows if row["part"] == "train")
    assert run.info.run_id in traced.output
    assert trained["page_url"] in traced.output
    assert "libraries: keras 3." in traced.output
    assert "registered model classifier, version 1" in traced.output


def test_trace_of_a_run_or_name_leads_to_the_model(project):
    model = lineage(project)["generator"]["model"]
    (run,) = runs(project, "clean_names")
    assert f"generator {model}" in herodex(project, "trace", run.info.run_id).output
    name = next(row for row in read_rows(project.folder / "data/names/split.csv") if row["part"] == "train")
    traced = herodex(project, "trace", name["name"]).output
    assert f"{model}, trained on it" in traced
    assert name["page_url"] in traced


def test_trace_of_an_image_shows_its_page_and_its_use(project):
    rows = read_rows(project.folder / "data/images/split.csv")
    tested = next(row for row in rows if row["part"] == "test")
    traced = herodex(project, "trace", tested["sha256"]).output
    assert tested["page_url"] in traced
    assert f"{lineage(project)['classifier']['model']}, tested on it" in traced
    dropped = next(row for row in rows if row["dropped_for"] == "near_duplicate")
    assert (
        f"set aside: near_duplicate, duplicate of {dropped['duplicate_of']}"
        in herodex(project, "trace", dropped["sha256"]).output
    )


def test_trace_of_an_image_file_shows_similar_images(project):
    rows = read_rows(project.folder / "data/images/split.csv")
    trained = next(row for row in rows if row["part"] == "train")
    traced = herodex(project, "trace", f"data/images/raw/{trained['file']}").output
    assert re.search(rf"1\.000 {trained['label']}, {re.escape(trained['page_url'])}", traced)


def test_unknown_key_is_a_user_error(project):
    traced = herodex(project, "trace", "0123456789ab")
    assert traced.code == 1
    assert "is known as '0123456789ab'" in traced.log
    assert "Traceback" not in traced.log


@pytest.fixture(scope="module")
def challenged(project):
    """Promote a first classifier, a worse one, and the first one again; return the outputs of `promote`."""
    said = [herodex(project, "promote")]
    for params in (OTHER, TINY):
        project.write_params(params)
        done = project.dvc("repro")
        assert done.code == 0, done.output + done.log
        said.append(herodex(project, "promote", "classifier"))
    return said


def test_first_model_becomes_champion_and_a_worse_one_does_not(challenged):
    first, worse, back = challenged
    assert first.output.count("champion, because there was none") == 2
    assert re.search(r"McNemar's exact test.*p = \d", worse.output)
    assert "The champion stays" in worse.output
    assert "is already champion" in back.output


def test_model_from_the_cache_gets_no_second_run_or_version(project, challenged):
    assert len(runs(project, "train_classifier")) == 2
    versions = client(project).search_model_versions("name = 'classifier'")
    assert len({version.tags["model"] for version in versions}) == len(versions) == 2
    before = project.text("models/lineage.json")
    assert project.dvc("repro", "--force", "--single-item", "record_lineage").code == 0
    assert project.text("models/lineage.json") == before
    assert len(client(project).search_model_versions("name = 'classifier'")) == 2


def test_champion_can_be_rolled_back(project, challenged):
    registry = client(project)
    registry.set_registered_model_alias("classifier", "previous", "2")
    assert "version 2" in herodex(project, "rollback", "classifier").output
    assert str(registry.get_model_version_by_alias("classifier", "champion").version) == "2"
    assert "version 1" in herodex(project, "rollback", "classifier").output
    assert "has no previous champion" in herodex(project, "rollback", "generator").log


def test_bento_contains_the_given_version_and_its_lineage(project, challenged):
    built = herodex(project, "bento", "classifier=2")
    assert built.code == 0, built.output + built.log
    (packed,) = (project.folder / "bentoml/bentos/herodex").glob("*/src/models/lineage.json")
    other = json.loads(packed.read_text(encoding="utf-8"))["classifier"]["model"]
    assert other == client(project).get_model_version("classifier", "2").tags["model"]
    assert other != lineage(project)["classifier"]["model"]
    bom = json.loads((packed.parents[1] / "bom.cdx.json").read_text(encoding="utf-8"))
    assert other in {part["version"] for part in bom["components"]}
    verified = herodex(project, "verify", "herodex:latest")
    assert verified.code == 0, verified.log
    provenance = {file.name for file in (packed.parents[2] / "provenance").iterdir()}
    # The project's images are those of its own classifier, not of the packed one.
    assert provenance == {"classifier.md", "generator.md", "slsa.json"}
    traced = herodex(project, "trace", "herodex:latest").output
    assert f"classifier {other}" in traced
    assert f"bento herodex:{packed.parts[-4]}" in herodex(project, "trace", other).output
