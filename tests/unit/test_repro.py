"""A run of a small real DVC pipeline by `python -m herodex.repro`."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from herodex.cpus import usable_cpus
from herodex.repro import Progress
from herodex.stage_times import StageTime

PROJECT = Path(__file__).resolve().parents[2]
PIPELINE = """
stages:
  crawl:
    cmd: python crawl.py
    deps: [crawl.py]
    outs: [crawled.txt]
  train:
    cmd: python -c "open('model.txt', 'w').write(open('crawled.txt').read())"
    deps: [crawled.txt, train.py]
    outs: [model.txt]
  names:
    cmd: python -c "open('names.txt', 'w').write('a')"
    deps: [names.py]
    outs: [names.txt]
"""
CRAWL = """
import sys, time
from herodex.stage_times import repro_key
print("run:", repro_key())
print("a terminal" if sys.stderr.isatty() else "no terminal", file=sys.stderr)
open("crawled.txt", "w").write("{content}")
{then}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of three stages that have not run."""
    (tmp_path / "dvc.yaml").write_text(PIPELINE, encoding="utf-8")
    write_crawl(tmp_path)
    for name in ("train.py", "names.py"):
        (tmp_path / name).touch()
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "dvc", "init", "--quiet")
    return tmp_path


def write_crawl(folder: Path, content: str = "a", then: str = "") -> None:
    """Write the first stage's code."""
    (folder / "crawl.py").write_text(CRAWL.format(content=content, then=then), encoding="utf-8")


def environment() -> dict[str, str]:
    """Return the environment of `make run`."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    return os.environ | {"PATH": path, "PYTHONPATH": str(PROJECT / "src"), "DVC_NO_ANALYTICS": "1"}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the project."""
    return subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )


def repro(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    """Run the pipeline."""
    return run(folder, "python", "-m", "herodex.repro", *targets)


def stage_lines(output: str) -> list[str]:
    """Return the lines about stages."""
    return re.findall(r"^stage .*?(?=\r?$)", output, re.MULTILINE)


def test_each_stage_is_numbered_also_if_it_is_skipped(project):
    done = repro(project)
    assert done.returncode == 0, done.stderr
    assert stage_lines(done.stdout) == ["stage 1 of 3: crawl", "stage 2 of 3: train", "stage 3 of 3: names"]
    assert "Running stage" not in done.stdout
    assert "no terminal" in done.stderr
    # Runs of stages are grouped by it in MLflow.
    assert re.search("^run: .+-[0-9]+-[0-9]+$", done.stdout, re.MULTILINE)

    write_crawl(project, "b")
    done = repro(project)
    assert stage_lines(done.stdout) == [
        "stage 1 of 3: crawl",
        "stage 2 of 3: train",
        "stage 3 of 3: names, unchanged",
    ]
    write_crawl(project)
    assert stage_lines(repro(project).stdout) == [
        "stage 1 of 3: crawl, restored from DVC's cache",
        "stage 2 of 3: train, restored from DVC's cache",
        "stage 3 of 3: names, unchanged",
    ]
    assert "Data and pipelines are up to date." in repro(project).stdout


def test_targets_count_the_stages_that_they_need(project):
    assert stage_lines(repro(project, "train").stdout) == ["stage 1 of 2: crawl", "stage 2 of 2: train"]
    assert not (project / "names.txt").exists()


def test_time_left_is_from_earlier_runs_and_the_stages_that_may_run(project):
    record_times(project)
    assert stage_lines(repro(project, "train").stdout)[0] == "stage 1 of 2: crawl (about 4 min left)"
    assert stage_lines(repro(project).stdout)[2] == "stage 3 of 3: names (about 2 min left)"
    write_crawl(project, "b")
    assert stage_lines(repro(project).stdout)[0] == "stage 1 of 3: crawl (about 4 min left)"


def test_failed_stage_ends_the_run_with_the_status_and_text_of_dvc(project):
    write_crawl(project, then="sys.exit('error: the shelf is empty')")
    done, by_dvc = repro(project), run(project, "dvc", "repro")
    assert done.returncode == by_dvc.returncode == 255
    assert "error: the shelf is empty" in done.stderr
    assert done.stderr == by_dvc.stderr
    assert stage_lines(done.stdout) == ["stage 1 of 3: crawl"]


def test_unknown_target_is_the_error_of_dvc(project):
    done, by_dvc = repro(project, "trian"), run(project, "dvc", "repro", "trian")
    assert done.returncode == by_dvc.returncode == 255
    assert done.stderr == by_dvc.stderr


def in_terminal(folder: Path, command: Sequence[str], interrupt: bool = False) -> tuple[int, str]:
    """Run a command in a terminal, with Ctrl-C in its first stage; return its exit status and output."""
    terminal, end = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as process:
        os.close(end)
        shown = b""
        while True:
            try:
                shown += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if interrupt and b"a terminal" in shown:
                interrupt = False
                time.sleep(0.2)
                os.killpg(process.pid, signal.SIGINT)
    os.close(terminal)
    return process.returncode, shown.decode()


def test_stage_has_the_terminal(project):
    code, shown = in_terminal(project, ["python", "-m", "herodex.repro", "train"])
    assert code == 0
    assert stage_lines(shown.replace("\r", "")) == ["stage 1 of 2: crawl", "stage 2 of 2: train"]
    assert "a terminal" in shown


def test_ctrl_c_stops_stage_and_run(project):
    write_crawl(project, then="time.sleep(600)")
    started = time.monotonic()
    code, shown = in_terminal(project, ["python", "-m", "herodex.repro"], interrupt=True)
    assert code == 255
    assert time.monotonic() - started < 60
    assert "KeyboardInterrupt" in shown
    assert "failed to reproduce 'crawl'" in shown
    assert stage_lines(shown.replace("\r", "")) == ["stage 1 of 3: crawl"]


def record_times(folder: Path) -> None:
    """Record that each stage took two minutes in an earlier run."""
    (folder / ".cache").mkdir(exist_ok=True)
    time = StageTime(part="stage", stage="", repro="", started=0, starting=20, running=100, cpu=9)
    lines = (json.dumps({**time, "stage": stage}) + "\n" for stage in ("crawl", "train", "names"))
    (folder / ".cache/times.jsonl").write_text("".join(lines), encoding="utf-8")


def write_names(folder: Path, code: str) -> None:
    """Let the stage `names` run other code."""
    text = (folder / "dvc.yaml").read_text(encoding="utf-8")
    (folder / "names.py").write_text(f"{code}\nopen('names.txt', 'w').write('a')\n", encoding="utf-8")
    of_names = text.index("  names:")
    cmd = re.sub("cmd: .*", "cmd: python names.py", text[of_names:])
    (folder / "dvc.yaml").write_text(text[:of_names] + cmd, encoding="utf-8")


WAIT = """
import pathlib, time
until = time.monotonic() + 60
while not pathlib.Path({!r}).exists():
    assert time.monotonic() < until
    time.sleep(0.05)
"""
"""Waits until another stage has written a file; alone, it fails."""


@pytest.fixture
def long_stages(project: Path) -> Path:
    """A project whose stages take long enough to run at the same time."""
    if usable_cpus() < 2:
        pytest.skip("one CPU runs one stage at a time")
    record_times(project)
    return project


def test_independent_stages_run_at_the_same_time_as_one_run(long_stages):
    code = "import pathlib\nfrom herodex.stage_times import repro_key\n"
    write_names(long_stages, code + "print('run:', repro_key(), flush=True)\npathlib.Path('started').touch()")
    write_crawl(long_stages, then=WAIT.format("started") + "import pathlib\npathlib.Path('waited').touch()")
    done = repro(long_stages)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (long_stages / "waited").exists()
    assert sorted(line.split(": ")[1] for line in stage_lines(done.stdout)) == [
        "crawl (about 4 min left)",
        "names, at the same time",
        "train (less than 1 min left)",
    ]
    assert [line[: len("stage 1 of 3")] for line in stage_lines(done.stdout)] == [
        f"stage {number} of 3" for number in (1, 2, 3)
    ]
    assert len(set(re.findall("^run: .+$", done.stdout, re.MULTILINE))) == 1
    assert done.stdout.count("git add") <= 1
    assert stage_lines(repro(long_stages).stdout)[0] == "stage 1 of 3: crawl, unchanged"


def test_failure_of_a_stage_at_the_same_time_is_shown_and_ends_the_run(long_stages):
    write_names(long_stages, "import sys\nsys.exit('error: no names')")
    done = repro(long_stages)
    assert done.returncode == 255
    assert "error: no names" in done.stdout
    assert "failed to reproduce 'names'" in done.stdout
    assert (long_stages / "model.txt").exists()


def test_failure_of_another_stage_stops_the_one_at_the_same_time(long_stages):
    write_names(
        long_stages,
        "import os, pathlib, time\npathlib.Path('started').write_text(str(os.getpid()))\ntime.sleep(600)",
    )
    write_crawl(long_stages, then=WAIT.format("started") + "sys.exit('error: the shelf is empty')")
    done = repro(long_stages)
    assert done.returncode == 255
    assert "error: the shelf is empty" in done.stderr
    assert not psutil.pid_exists(int((long_stages / "started").read_text()))


def test_one_cpu_runs_one_stage_at_a_time(long_stages):
    cpu = str(min(os.sched_getaffinity(0)))
    done = run(long_stages, "taskset", "--cpu-list", cpu, "python", "-m", "herodex.repro")
    assert [line.split()[4] for line in stage_lines(done.stdout)] == ["crawl", "train", "names"]


def test_time_of_finished_stages_corrects_the_estimate():
    now = iter([0.0, 600.0])
    progress = Progress(
        {"a", "b"}, {"a": set(), "b": {"a"}}, {"a", "b"}, {"a": 60.0, "b": 60.0}, lambda: next(now)
    )
    assert progress.announce("a", None) == "stage 1 of 2: a (about 2 min left)"
    assert progress.announce("b", None) == "stage 2 of 2: b (about 10 min left)"
