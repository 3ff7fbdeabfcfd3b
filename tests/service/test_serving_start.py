"""`make serve` when something is missing: one clear message, and an exit status that is not 0."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_service import environment


def start(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Try to start the service in a project."""
    return subprocess.run(
        [sys.executable, "-m", "herodex.serving.start", *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_told(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It ended with one message that has these words."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr


def test_a_busy_port_is_told_before_anything_starts(tiny_project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_told(start(tiny_project, "--port", port), f"Port {port}", "in use", "PORT=")


def test_a_port_that_is_none_is_told(tiny_project: Path) -> None:
    assert_told(start(tiny_project, "--port", "70000"), "70000")


@pytest.mark.parametrize(
    "missing", ["models", "models/classifier", "models/generator", "data/names/clean.csv"]
)
def test_without_models_it_says_to_run_the_pipeline_first(
    tiny_project: Path, tmp_path: Path, missing: str
) -> None:
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    gone = project / missing
    gone.rename(tmp_path / "gone")
    assert_told(start(project), missing, "make run")


def test_an_unknown_key_in_the_params_is_named(tiny_project: Path, tmp_path: Path) -> None:
    params = (tiny_project / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("max_upload_mb", "max_uplod_mb"), encoding="utf-8")
    assert_told(start(tmp_path), "serve.max_uplod_mb", "did you mean 'max_upload_mb'?")


def test_a_check_of_a_complete_project_starts_nothing_and_is_content(tiny_project: Path) -> None:
    done = start(tiny_project, "--check")
    assert (done.returncode, done.stderr) == (0, "")
