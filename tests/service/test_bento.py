"""The bento: its contents, and serving without Herodex installed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tiny_service import ROOT, environment, image_hash, make_project


def locked_versions() -> dict[str, set[str]]:
    """Return the versions of every package in uv.lock."""
    versions: dict[str, set[str]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
    return versions


def pinned_versions() -> dict[str, set[str]]:
    """Return the versions in the bento's requirements; every one must be pinned, with its hashes."""
    versions: dict[str, set[str]] = {}
    text = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8").replace("\\\n", "")
    for line in text.splitlines():
        if not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==([^ ;]+)( ; [^-]+?)?( +--hash=sha256:[0-9a-f]{64})+", line)
            assert match, line
            versions.setdefault(match[1], set()).add(match[2])
    return versions


def test_bento_requirements_match_the_lock() -> None:
    locked = locked_versions()
    differing = {name: pins for name, pins in pinned_versions().items() if not pins <= locked[name]}
    assert not differing, "run the command at the head of requirements-serve.txt"


def test_hashes_of_the_bento_requirements_are_those_of_the_lock() -> None:
    text = (ROOT / "requirements-serve.txt").read_text(encoding="utf-8")
    hashes = re.findall(r"--hash=(sha256:[0-9a-f]{64})", text)
    assert len(hashes) > 100
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert set(hashes) <= set(re.findall(r"sha256:[0-9a-f]{64}", lock))
    assert "--no-hashes" not in text


def test_no_package_that_sends_statistics_of_use_is_installed() -> None:
    assert "openvino" in pinned_versions()
    assert "openvino-telemetry" not in pinned_versions().keys() | locked_versions().keys()


def test_bento_requirements_cover_the_serve_extra_and_no_training_library() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["serve"]]
    names = {re.split(r"[^A-Za-z0-9-]", requirement)[0].lower() for requirement in wanted}
    pinned = set(pinned_versions())
    assert names <= pinned
    assert not pinned & {"tensorflow", "keras", "mlflow", "dvc", "scrapy", "selenium", "pandas", "matplotlib"}


def test_bento_contains_service_page_and_models(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    # Examples from a user's own folder are JPEG.
    (project / "data/examples/1-meadow.jpg").write_bytes(b"an image")
    build_bento(project)
    (bento,) = (project / "bentoml/bentos/herodex").glob("*/src")
    files = {str(file.relative_to(bento)) for file in bento.rglob("*") if file.is_file()}
    assert {
        "service.py",
        "params.yaml",
        "bom.cdx.json",
        "data/names/clean.csv",
        "data/examples/0-cherry.png",
        "data/examples/1-meadow.jpg",
        f"data/neighbours/{image_hash('cherry')}.webp",
        "herodex/web/strings/de.json",
        "herodex/quotes.json",
        "herodex/web/index.html",
        "herodex/web/static/app.js",
        "models/backbone/backbone.xml",
        "models/backbone/backbone.bin",
        "models/classifier/classifier.json",
        "models/classifier/gallery.npy",
        "models/generator/gru.bin",
    } <= files
    unwanted = [
        file for file in files if file.endswith((".h5", ".pyc")) or file.startswith(("tests", "crawlers"))
    ]
    assert not unwanted
    names = "from herodex.cli import main; main()", "names", "--count", "3", "--bento", "herodex:latest"
    done = subprocess.run(
        [sys.executable, "-c", *names],
        cwd=tmp_path,
        env=environment(project),
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(done.stdout.splitlines()) == 3, done.stderr


@pytest.mark.slow
def test_bento_serves_without_herodex_installed(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    build_bento(project)
    checked = subprocess.run(
        [sys.executable, "-m", "scripts.check_bento"],
        cwd=ROOT,
        env=environment(project),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert '"label":"cherry"' in checked.stderr


def build_bento(project: Path) -> None:
    """Build a bento of a tiny project with this project's code and bentofile."""
    for name in ("bentofile.yaml", "requirements-serve.txt", "README.md"):
        shutil.copy(ROOT / name, project)
    for name in ("src", "deploy"):
        shutil.copytree(ROOT / name, project / name)
    (project / "bom.cdx.json").write_text("{}", encoding="utf-8")
    (project / "models/classifier/head.weights.h5").write_bytes(b"not for the bento")
    command = [sys.executable, "-m", "bentoml", "build"]
    done = subprocess.run(
        command, cwd=project, env=environment(project), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
