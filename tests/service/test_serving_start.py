"""`make serve` when something is missing: one clear message and exit status 1."""

import os
import pty
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_service import environment

from herodex.serving.start import page_address
from scripts.free_port import free_port


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


def assert_reported(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Check that the command ended with one message with these words."""
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:3001"),
        ("0.0.0.0", "http://localhost:3001"),
        ("::1", "http://localhost:3001"),
        ("192.0.2.1", "http://192.0.2.1:3001"),
        ("2001:db8::1", "http://[2001:db8::1]:3001"),
    ],
)
def test_address_of_the_page_can_be_opened_on_this_machine(host: str, address: str) -> None:
    assert page_address(host, 3001) == address


def test_start_in_a_terminal_prints_the_address_of_the_page(tiny_project: Path) -> None:
    terminal, end = pty.openpty()
    port = str(free_port())
    command = [sys.executable, "-m", "herodex.serving.start", "--port", port]
    with subprocess.Popen(
        command, cwd=tiny_project, env=environment(tiny_project), stdout=end, stderr=end
    ) as server:
        os.close(end)
        line = os.read(terminal, 200).decode()
        server.terminate()
    os.close(terminal)
    assert line.startswith(f"open http://localhost:{port} in a browser")


def test_port_in_use_is_reported_before_anything_starts(tiny_project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert_reported(start(tiny_project, "--port", port), f"Port {port} is already in use.", "PORT=")


def test_invalid_port_is_reported(tiny_project: Path) -> None:
    assert_reported(start(tiny_project, "--port", "70000"), "70000 is not a port number")


@pytest.mark.parametrize(
    "missing", ["models", "models/backbone", "models/generator/generator.json", "data/names/clean.csv"]
)
def test_missing_model_is_reported_with_the_command_that_creates_it(
    tiny_project: Path, tmp_path: Path, missing: str
) -> None:
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    (project / missing).rename(tmp_path / "removed")
    assert_reported(start(project), missing, "make run")


@pytest.mark.parametrize(
    "damaged",
    [
        "gallery.npy",
        "head.npy",
        "whitening.npy",
        "classifier.json",
        "gallery.csv",
        "../backbone/backbone.xml",
    ],
)
def test_damaged_model_file_is_reported_with_the_command_that_restores_it(
    tiny_project: Path, tmp_path: Path, damaged: str
) -> None:
    project = tmp_path / "project"
    shutil.copytree(tiny_project, project)
    file = (project / "models/classifier" / damaged).resolve()
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] + (b"\xff" if file.suffix == ".csv" else b""))
    assert_reported(start(project), file.name, "is damaged", "dvc checkout")


def test_unknown_parameter_is_reported(tiny_project: Path, tmp_path: Path) -> None:
    params = (tiny_project / "params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(params.replace("max_upload_mb", "max_uplod_mb"), encoding="utf-8")
    assert_reported(start(tmp_path), "serve.max_uplod_mb", "did you mean 'max_upload_mb'?")


def test_check_of_a_complete_project_succeeds_without_starting(tiny_project: Path) -> None:
    done = start(tiny_project, "--check")
    assert (done.returncode, done.stderr) == (0, "")
