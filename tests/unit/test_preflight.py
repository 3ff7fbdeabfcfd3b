"""Checks before the pipeline runs, and `make run` of one half."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from herodex import preflight
from herodex.errors import UserError

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with an image of its own, as the current folder."""
    (tmp_path / "data/own_images/tea").mkdir(parents=True)
    (tmp_path / "data/own_images/tea/1.png").write_bytes(b"an image")
    (tmp_path / "data/review.csv").write_text("sha256,decision,class\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_that_stop_dvc_are_ignored_by_it(project):
    tea = project / "data/own_images/tea"
    (tea / "nowhere [1].png").symlink_to("missing.png")
    os.mkfifo(tea / "pipe")
    Path(os.fsdecode(os.fsencode(tea) + b"/caf\xe9.png")).write_bytes(b"an image")
    preflight.ignore_unreadable_files()
    lines = (project / "data/.dvcignore").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        "/own_images/tea/caf?.png",
        "/own_images/tea/nowhere??1?.png",
        "/own_images/tea/pipe",
    ]


def test_ignored_files_are_forgotten_when_there_are_none(project):
    (project / "data/.dvcignore").write_text("/own_images/tea/1.png\n", encoding="utf-8")
    preflight.ignore_unreadable_files()
    assert not (project / "data/.dvcignore").exists()


def test_folder_in_place_of_the_review_file_is_reported(project):
    preflight.check_review()
    (project / "data/review.csv").unlink()
    (project / "data/review.csv").mkdir()
    with pytest.raises(
        UserError, match=r"data/review\.csv, the file of review decisions, is a folder"
    ) as caught:
        preflight.check_review()
    first = (PROJECT / "data/review.csv").read_text(encoding="utf-8").splitlines()[0]
    assert first in caught.value.hint


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Show what make would run."""
    return subprocess.run(
        ["make", "--dry-run", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("part", "stages"),
    [
        ("", "python -m herodex.repro"),
        ("classifier", "python -m herodex.repro evaluate_classifier report_cleaning draw_examples"),
        ("generator", "python -m herodex.repro evaluate_generator"),
    ],
)
def test_one_half_runs_its_own_stages(part, stages):
    lines = [line.strip() for line in make("run", f"PART={part}").stdout.splitlines()]
    assert stages in lines
    assert f"python -m herodex.summary {part}".strip() in lines
    assert (f"python -m herodex.lineage.record {part}" in lines) == bool(part)


@pytest.mark.parametrize("part", ["clasifier", "classifier generator"])
def test_unknown_half_is_one_message(part):
    done = make("run", f"PART={part}")
    assert done.returncode
    assert f'PART is "{part}"; use PART=classifier, PART=generator' in done.stderr


def set_up(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the installation in a folder that has nothing else."""
    shutil.copytree(PROJECT / "scripts", folder / "scripts")
    return subprocess.run(
        ["sh", "scripts/setup.sh"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_project_without_git_is_reported_before_anything_is_installed(tmp_path):
    done = set_up(tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert done.returncode == 1
    assert "not a git repository, such as a project downloaded as ZIP" in done.stderr
    assert "git init" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"scripts"}


def test_home_that_cannot_be_written_is_reported_before_anything_is_installed(tmp_path):
    (tmp_path / ".git").mkdir()
    done = set_up(tmp_path, HOME="/nonexistent")
    assert done.returncode == 1
    assert "HOME is '/nonexistent', a folder that cannot be written" in done.stderr
