"""Only the registered content of a version is packaged."""

import json
from pathlib import Path

import pytest

from herodex import paths, tracking
from herodex.errors import UserError
from herodex.generator.language_model import MODEL_FILES, model_hash
from herodex.lineage.package import add_backbone, add_model
from herodex.lineage.registry import register
from herodex.params import load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml").generator.train
KEPT = Path("mlartifacts")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project with one registered generator, which is not the one in `models/`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = Path("generator")
    made.mkdir()
    for file in MODEL_FILES:
        (made / file).write_text(f"the content of {file}")
    with tracking.run("train_generator", PARAMS) as run:
        run.tags({"model": model_hash(made)})
        run.artifact(made)
    with tracking.connect() as store:
        (trained,) = store.search(stage="train_generator")
        store.client.log_dict(trained.info.run_id, {"model": model_hash(made)}, "lineage.json")
        register(store, "generator", model_hash(made), trained)
    return tmp_path


def kept(name: str) -> Path:
    """A file as MLflow keeps it."""
    (file,) = KEPT.rglob(name)
    return file


def test_registered_files_are_packaged(folder):
    lineage = add_model("generator", "1", folder / "context")
    assert model_hash(folder / "context" / paths.GENERATOR) == lineage["model"]


@pytest.mark.parametrize("file", MODEL_FILES)
def test_artifact_with_another_content_is_not_packaged(folder, file):
    kept(file).write_text("another content")
    with pytest.raises(UserError, match="version 1 are not the model"):
        add_model("generator", "1", folder / "context")


def test_artifact_without_a_file_is_not_packaged(folder):
    kept("gru.bin").unlink()
    with pytest.raises(UserError, match=r"incomplete: gru\.bin"):
        add_model("generator", "1", folder / "context")


def test_lineage_of_another_model_is_not_packaged(folder):
    kept("lineage.json").write_text(json.dumps({"model": "b" * 64}))
    with pytest.raises(UserError, match="describes the model bbbbbbbbbbbb"):
        add_model("generator", "1", folder / "context")


def test_edited_model_of_the_folder_is_not_packaged(folder):
    paths.MODELS.mkdir()
    (folder / "generator").rename(paths.GENERATOR)
    paths.LINEAGE.write_text(json.dumps({"generator": {"model": model_hash(paths.GENERATOR)}}))
    add_model("generator", "folder", folder / "context")
    (paths.GENERATOR / "gru.xml").write_text("edited")
    with pytest.raises(UserError, match="models/generator are not the model"):
        add_model("generator", "folder", folder / "other")


def test_backbone_of_a_classifier_is_checked(folder):
    own = folder / "context" / paths.CLASSIFIER / "backbone.bin"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"other weights")
    with pytest.raises(UserError, match="comes with another backbone"):
        add_backbone({"model": "a" * 64, "backbone": {"ir_sha256": "c" * 64}}, folder / "context")
