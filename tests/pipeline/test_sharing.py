"""Outputs, models and runs shared by S3 and an MLflow server, also when a server dies."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from project_copy import ProjectCopy
from shared_storage import BUCKET, KEYS, mlflow_server, postgresql, s3_server, stored
from tiny_service import serving

from scripts.free_port import free_port

STORE = "dvc/files/md5"
SERVED = ("backbone", "classifier", "generator", "lineage.json")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as url:
        yield url


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def use_remote(project: ProjectCopy, s3: str) -> None:
    """Configure the remote as docs/sharing.md says."""
    for words in (
        ("remote", "add", "--default", "--force", "storage", f"s3://{BUCKET}/dvc"),
        ("remote", "modify", "storage", "endpointurl", s3),
    ):
        assert project.dvc(*words).code == 0


@pytest.fixture(scope="module")
def pushed(project: ProjectCopy, s3: str) -> tuple[ProjectCopy, set[str]]:
    """Push once, killed, and once to the end; return the project and what the first push had stored."""
    use_remote(project, s3)
    program = str(Path(sys.executable).with_name("dvc"))
    killed = subprocess.Popen(
        [program, "push"],
        cwd=project.folder,
        env={**os.environ, **KEYS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not stored(s3, STORE) and killed.poll() is None:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    incomplete = stored(s3, STORE)
    done = project.command("dvc", "push", **KEYS)
    assert done.code == 0, done.output + done.log
    return project, incomplete


def test_killed_push_is_finished_by_the_next(pushed, s3):
    project, incomplete = pushed
    assert 0 < len(incomplete) < len(stored(s3, STORE))
    assert "in sync" in project.command("dvc", "status", "--cloud", **KEYS).output


def test_push_to_a_dead_server_fails_without_loss(pushed):
    project, _ = pushed
    before = project.tree("models")
    use_remote(project, f"http://127.0.0.1:{free_port()}")
    failed = project.command("dvc", "push", **KEYS, AWS_MAX_ATTEMPTS="1")
    assert failed.code != 0
    assert "connect" in failed.log.lower()
    assert project.tree("models") == before


def test_clone_pulls_and_serves_without_training(pushed, s3, tmp_path):
    project, _ = pushed
    use_remote(project, s3)
    git(project.folder, "add", "--all")
    git(project.folder, "commit", "--quiet", "--message", "a run")
    git(tmp_path, "clone", "--quiet", str(project.folder), "clone")
    clone = ProjectCopy(tmp_path / "clone")
    pulled = clone.command(
        *("dvc", "pull", *(f"models/{name}" for name in SERVED), "data/names/clean.csv"), **KEYS
    )
    assert pulled.code == 0, pulled.output + pulled.log
    assert not (clone.folder / "data/images").exists()
    with serving(clone.folder) as url:
        served = httpx.get(f"{url}/api/lineage", timeout=60).json()
        names = httpx.post(f"{url}/api/names", json={"count": 2, "temperature": 1.0}, timeout=60)
    assert served["generator"] == json.loads(project.text("models/lineage.json"))["generator"]
    assert names.status_code == 200


def test_mlflow_server_keeps_runs_and_files_and_its_failure_loses_nothing(project, s3, tmp_path):
    with postgresql() as database:
        port = free_port()
        with mlflow_server(database, s3, port, tmp_path / "mlflow.log") as url:
            logged = project.command(
                *("dvc", "repro", "--force", "--single-item", "record_lineage"), MLFLOW_TRACKING_URI=url
            )
            assert logged.code == 0, logged.output + logged.log
            assert "does not answer" not in logged.log
            registry = MlflowClient(url)
            versions = registry.search_model_versions("name = 'generator'")
            model = json.loads(project.text("models/lineage.json"))["generator"]["model"]
            assert [version.tags["model"] for version in versions] == [model]
            assert {Path(key).name for key in stored(s3, "mlflow")} >= {"lineage.json", "gru.xml"}

        dead = project.command(
            *("dvc", "repro", "--force", "--single-item", "evaluate_generator"),
            MLFLOW_TRACKING_URI=url,
            MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
        )
        assert dead.code == 0, dead.output + dead.log
        assert f"MLflow at {url} does not answer" in dead.log
        assert "herodex send" in dead.log
        with mlflow_server(database, s3, port, tmp_path / "mlflow.log"):
            sent = project.command("herodex", "send", MLFLOW_TRACKING_URI=url)
            assert sent.code == 0, sent.log
            experiment = registry.get_experiment_by_name("herodex")
            assert experiment
            runs = registry.search_runs([experiment.experiment_id], "tags.stage = 'evaluate_generator'")
            assert len(runs) == 2
