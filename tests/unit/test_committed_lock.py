"""The line at the end of a run about the committed `dvc.lock`, in a real project."""

import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from herodex.committed_lock import LOCK, describe, group
from herodex.lock_comparison import Comparison, compare_locks

PROJECT = Path(__file__).resolve().parents[2]
COMMITTED = yaml.safe_load((PROJECT / LOCK).read_text(encoding="utf-8"))["stages"]


def changed_lock(*paths: str) -> dict[str, Any]:
    """Return the project's lock as after a run that gave other bytes to these inputs and outputs."""
    lock = deepcopy(COMMITTED)
    entries = [entry for stage in lock.values() for entry in (*stage["deps"], *stage["outs"])]
    for entry in entries:
        if entry["path"] in paths:
            entry |= {"md5": "other", "size": 1}
    return lock


def compared(*paths: str) -> Comparison:
    """Compare the project's lock with one that has other bytes at these paths."""
    comparison = compare_locks(COMMITTED, changed_lock(*paths))
    assert comparison
    return comparison


PRETRAINED = ("models/pretrained", "models/generator", "reports/generator", "reports/generator/metrics.json")


def test_same_lock_has_no_other_outputs():
    comparison = compared()
    assert (comparison.other, comparison.first) == ([], set())
    assert re.fullmatch(r"All \d\d outputs have the bytes of the committed dvc\.lock\.", describe(comparison))


def test_difference_starts_at_the_stage_with_the_same_inputs():
    comparison = compared(*PRETRAINED)
    assert comparison.first == {"pretrain_generator"}
    assert comparison.other == ["models/generator", "models/pretrained", "reports/generator/metrics.json"]
    assert describe(comparison).startswith(
        "models/generator, models/pretrained and 1 report have other bytes than the committed dvc.lock, "
    )
    assert "the difference starts in pretrain_generator, with the same code" in describe(comparison)


@pytest.mark.parametrize("path", ["src/herodex/generator/pretrain.py", "data/names.txt", "crawlers"])
def test_other_code_or_data_cannot_be_compared(path):
    assert compare_locks(COMMITTED, changed_lock(path, *PRETRAINED)) is None


@pytest.mark.parametrize("key", ["cmd", "params", "outs", "deps"])
def test_other_stages_and_settings_cannot_be_compared(key):
    lock = deepcopy(COMMITTED)
    del lock["pretrain_generator"][key]
    assert compare_locks(COMMITTED, lock) is None
    del lock["pretrain_generator"]
    assert compare_locks(COMMITTED, lock) is None


def test_files_are_counted_by_kind():
    paths = ["models/classifier", "models/lineage.json", "reports/a.png", "reports/b.png", "data/words"]
    assert group(paths) == ["models/classifier", "1 file of models", "2 reports", "1 file of data"]


PIPELINE = """
stages:
  clean_names:
    cmd: cat source.txt > names.txt
    deps: [source.txt]
    outs: [names.txt]
  pretrain_generator:
    cmd: echo pretrained; cat names.txt "$CPU" > pretrained.txt
    deps: [names.txt, code.py]
    params: [versions.yaml: [tensorflow]]
    outs: [pretrained.txt]
  train_generator:
    cmd: echo trained; cat pretrained.txt > model.txt
    deps: [pretrained.txt, code.py]
    params: [versions.yaml: [tensorflow]]
    outs: [model.txt]
  evaluate_generator:
    cmd: cat model.txt names.txt > metrics.txt
    deps: [model.txt, names.txt]
    outs: [metrics.txt]
"""


class Clone:
    """A clone of a small project, on a machine with a kind of CPU."""

    def __init__(self, folder: Path, cpu: str) -> None:
        self.folder, self.cpu = folder, folder.with_name(f"{folder.name}-cpu")
        folder.mkdir(exist_ok=True)
        self.cpu.write_text(cpu, encoding="utf-8")

    def run(self, *command: str) -> str:
        """Run a command; return what it writes."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
        environment = {"PATH": path, "PYTHONPATH": str(PROJECT / "src"), "CPU": str(self.cpu)}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | environment | {"DVC_NO_ANALYTICS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def commit(self) -> None:
        """Commit all files."""
        self.run("git", "add", "--all")
        self.run("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "-m", "run")

    def changes(self) -> str:
        """Return the tracked files that differ from the commit."""
        return self.run("git", "diff", "--name-only", "HEAD").strip()

    def line(self) -> str:
        """Return the line at the end of a run."""
        return self.run("python", "-m", "herodex.committed_lock").strip()


@pytest.fixture
def committed(tmp_path: Path) -> Clone:
    """A project whose `dvc.lock` is committed."""
    clone = Clone(tmp_path / "committed", "one CPU")
    (clone.folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    (clone.folder / "versions.yaml").write_text("tensorflow: 1.0.0\n", encoding="utf-8")
    (clone.folder / "source.txt").write_text("ada\n", encoding="utf-8")
    (clone.folder / "code.py").touch()
    clone.run("git", "init", "--quiet")
    clone.run("dvc", "init", "--quiet")
    clone.run("dvc", "repro")
    clone.commit()
    return clone


@pytest.fixture
def other_cpu(committed: Clone, tmp_path: Path) -> Clone:
    """A clone of the project after a run on another kind of CPU."""
    committed.run("git", "clone", "--quiet", ".", str(tmp_path / "other"))
    clone = Clone(tmp_path / "other", "another CPU")
    clone.run("dvc", "repro")
    return clone


def test_same_machine_makes_the_committed_bytes(committed):
    assert committed.line() == "All 4 outputs have the bytes of the committed dvc.lock."


def test_other_bytes_are_named_with_the_stage_that_they_start_in(other_cpu):
    assert other_cpu.changes() == "dvc.lock"
    assert "the difference starts in pretrain_generator" in other_cpu.line()


def test_another_input_is_no_difference_between_machines(other_cpu):
    (other_cpu.folder / "source.txt").write_text("bob\n", encoding="utf-8")
    other_cpu.run("dvc", "repro")
    assert other_cpu.line() == ""
    other_cpu.commit()
    assert other_cpu.line() == "All 4 outputs have the bytes of the committed dvc.lock."


def test_project_without_a_commit_is_silent(tmp_path):
    clone = Clone(tmp_path / "new", "one CPU")
    (clone.folder / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    clone.run("git", "init", "--quiet")
    assert clone.line() == ""
