import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from herodex import tracking
from herodex.params import load_params

PARAMS_FILE = Path(__file__).parents[2] / "params.yaml"
PARAMS = load_params(PARAMS_FILE).classifier.train


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def client() -> MlflowClient:
    return MlflowClient(f"sqlite:///{tracking.DATABASE.resolve()}")


def test_run_holds_params_metrics_curves_tags_and_files(folder):
    (folder / "plot.png").write_bytes(b"image")
    with tracking.run("train_classifier", PARAMS) as run:
        run.metrics({"accuracy": 0.9})
        run.metric_by_epoch("loss", [3.0, 2.0])
        run.tags({"model": "abc"})
        run.artifact(folder / "plot.png")
    (found,) = client().search_runs(["1"])
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "train_classifier"
    assert found.data.params["folds"] == str(PARAMS.folds)
    assert found.data.metrics == {"accuracy": 0.9, "loss": 2.0}
    assert found.data.tags["model"] == "abc"
    history = client().get_metric_history(found.info.run_id, "loss")
    assert [(point.step, point.value) for point in history] == [(1, 3.0), (2, 2.0)]
    assert [file.path for file in client().list_artifacts(found.info.run_id)] == ["plot.png"]
    assert list((folder / "mlartifacts").rglob("plot.png"))


def test_failing_stage_leaves_a_failed_run(folder):
    with pytest.raises(ZeroDivisionError), tracking.run("train_classifier", PARAMS):
        raise ZeroDivisionError
    (found,) = client().search_runs(["1"])
    assert found.info.status == "FAILED"


def test_two_processes_can_start_on_a_fresh_database(folder):
    shutil.copy(PARAMS_FILE, folder)
    code = """
from herodex import tracking
from herodex.params import load_params
with tracking.run("train_classifier", load_params().classifier.train):
    pass
"""
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=folder) for _ in range(2)]
    assert [process.wait() for process in started] == [0, 0]
    assert len(client().search_runs(["1"])) == 2


def test_run_waits_while_the_server_does_not_answer(folder, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with tracking.run("train_classifier", PARAMS) as run:
        run.metrics({"accuracy": 0.9})
    assert "http://127.0.0.1:9 does not answer" in caplog.text
    assert "fix: Start that server" in caplog.text
    assert len(list(tracking.PENDING.glob("*/run.json"))) == 1

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert tracking.send_pending()
    (found,) = client().search_runs(["1"])
    assert (found.info.run_name, found.data.metrics) == ("train_classifier", {"accuracy": 0.9})
    assert list(tracking.PENDING.glob("*/run.json")) == []


def test_run_is_logged_once_after_a_broken_connection(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(
            tracking.Store, "finish", lambda *_: (_ for _ in ()).throw(OSError("connection reset"))
        )
        with tracking.run("train_classifier", PARAMS) as run:
            run.metrics({"accuracy": 0.9})
    assert tracking.send_pending()
    assert len(client().search_runs(["1"])) == 1


def test_metric_names_with_forbidden_characters_are_logged(folder):
    with tracking.run("train_classifier", PARAMS) as run:
        run.metrics({"recall.c++": 0.5, "changed.rotated by 10°, flat": 0.25})
    (found,) = client().search_runs(["1"])
    assert found.data.metrics == {"recall.c__": 0.5, "changed.rotated by 10__ flat": 0.25}


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_moved_project_keeps_its_artifacts_beside_its_database(tmp_path, monkeypatch, how):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    old, new = tmp_path / "old", tmp_path / "new_place"
    old.mkdir()
    monkeypatch.chdir(old)
    (old / "plot.png").write_bytes(b"first")
    with tracking.run("train_classifier", PARAMS) as run:
        run.artifact(old / "plot.png")
    with tracking.connect() as store:
        (first,) = store.search(stage="train_classifier")
        store.client.create_registered_model("classifier")
        source = f"{first.info.artifact_uri}/classifier"
        store.client.create_model_version("classifier", source, first.info.run_id)
    before = sorted(old.rglob("*.png"))
    if how == "moved":
        old.rename(new)
    else:
        shutil.copytree(old, new)
    monkeypatch.chdir(new)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")  # MLflow has set it in this process
    (new / "curve.png").write_bytes(b"second")
    with tracking.run("train_generator", PARAMS) as run:
        run.artifact(new / "curve.png")
    for stage, file in {"train_classifier": "plot.png", "train_generator": "curve.png"}.items():
        (found,) = client().search_runs(["1"], f"tags.stage = '{stage}'")
        assert str(found.info.artifact_uri).startswith(new.as_uri() + "/")
        assert [each.path for each in client().list_artifacts(found.info.run_id)] == [file]
    (version,) = client().search_model_versions("name = 'classifier'")
    assert str(version.source).startswith(new.as_uri() + "/")
    assert not old.exists() if how == "moved" else sorted(old.rglob("*.png")) == before


def test_database_that_stays_is_not_changed(folder):
    with tracking.run("train_classifier", PARAMS):
        pass
    before = tracking.DATABASE.read_bytes()
    tracking.relocate(tracking.DATABASE, tracking.ARTIFACTS.resolve().as_uri())
    tracking.relocate(folder / "missing.db", "file:///elsewhere")
    assert tracking.DATABASE.read_bytes() == before
    assert not (folder / "missing.db").exists()


def git(*arguments: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.test")
    done = subprocess.run(["git", *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_parent_run_is_named_by_the_date_and_hash_of_its_commit(folder, monkeypatch):
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert tracking.commit_name({}) == "repro"
    git("init", "-q")
    (folder / "a").write_text("a")
    git("add", "a")
    # East of Greenwich it is the next day already.
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-03-01T23:30:00-0800")
    git("commit", "-qm", "a")
    commit = git("rev-parse", "--short=7", "HEAD")
    assert tracking.commit_name(tracking.commit_tags()) == f"2026-03-01 {commit}"
    (folder / "a").write_text("b")
    changed = tracking.commit_tags()
    assert tracking.commit_name(changed) == f"2026-03-01 {commit}+"
    with tracking.connect() as store:
        run_id = store.parent_run("key", 1.0, changed)
        assert store.parent_run("key", 2.0, {}) == run_id
        store.log_metrics(run_id, {"classifier.accuracy": 0.9})
    found = client().get_run(run_id)
    assert found.info.run_name == f"2026-03-01 {commit}+"
    assert found.data.metrics == {"classifier.accuracy": 0.9}
    assert found.data.tags["changed_since_commit"] == "true"
    monkeypatch.setenv("DVC_EXP_NAME", "blunt-seed")
    with tracking.connect() as store:
        named = store.parent_run("other", 1.0, changed)
    assert client().get_run(named).info.run_name == "blunt-seed"


def test_commit_that_the_clone_lacks_names_the_run_without_a_date(folder):
    git("init", "-q")
    assert tracking.commit_name({"mlflow.source.git.commit": "1234567890"}) == "1234567"


def test_experiment_is_of_the_kind_that_shows_training_runs(folder):
    with tracking.connect() as store:
        experiment = store.experiment
    kind = {"mlflow.experimentKind": "custom_model_development"}
    assert kind.items() <= client().get_experiment(experiment).tags.items()
    client().delete_experiment_tag(experiment, "mlflow.experimentKind")
    with tracking.connect():
        pass
    assert kind.items() <= client().get_experiment(experiment).tags.items()
