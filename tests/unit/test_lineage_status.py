"""`herodex status`: each state has its line and its next step."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from herodex.lineage.lock import StageRecord
from herodex.lineage.status import (
    MODELS,
    UNKNOWN,
    Standing,
    Status,
    age,
    ask_service,
    changed_since,
    describe,
    dvc_status,
    gather,
    last_started,
    live_crawls,
    merge_starts,
    next_step,
    uncommitted_files,
)

OTHERS_WARNINGS = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
"""Those of BentoML, DVC and MLflow."""
NEW, OLD = "a" * 64, "b" * 64
DOWN = "http://127.0.0.1:9"


def status(standing: Standing, **more: object) -> Status:
    """A status in which both models have one standing and nothing has changed, unless `more` says so."""
    models = dict.fromkeys(MODELS, standing)
    return Status(**{"changed": {}, "models": models, "bento": "herodex:x", "service": DOWN, **more})  # pyright: ignore


UP_TO_DATE = Standing(NEW, NEW, NEW)


@pytest.mark.parametrize(
    ("found", "step"),
    [
        (status(Standing(), changed=None), "`make run`: no stage has run"),
        (status(Standing()), "`make run`: no stage has run"),
        (status(UP_TO_DATE, changed={"settings": ["seed"]}), "`make run`: see what has changed"),
        (status(UP_TO_DATE, changed={"outputs": ["models/x (deleted)"]}), "`dvc checkout` restores"),
        (status(UP_TO_DATE, changed=None, lock_in_git=True), "`git checkout dvc.lock`"),
        (status(Standing(NEW, UNKNOWN, NEW)), "start MLflow"),
        (status(UP_TO_DATE, repairs=["Run x."]), "Run x."),
        (status(Standing(NEW)), "`make promote`"),
        (status(Standing(NEW, OLD, OLD)), "`make promote`"),
        (status(Standing(NEW, NEW)), "`make bento`"),
        (status(Standing(NEW, NEW, OLD)), "`make bento`"),
        (status(Standing(NEW, NEW, NEW, OLD), answered=True), "restart the service"),
        (status(UP_TO_DATE, uncommitted=["dvc.lock", "uv.lock"]), "commit dvc.lock and uv.lock"),
        (status(UP_TO_DATE), "nothing: models are up to date"),
        (status(Standing(NEW, NEW, NEW, NEW), answered=True), "nothing: models are up to date"),
    ],
)
def test_next_step_follows_from_the_state(found, step):
    assert next_step(found).startswith(step)
    assert f"next       {step}" in describe(found)


def test_next_step_names_the_models_that_it_is_about():
    models = {"classifier": Standing(NEW, OLD), "generator": UP_TO_DATE}
    assert next_step(Status(changed={}, models=models)).endswith("champion: classifier")


def test_models_in_different_places_are_told_apart():
    lines = describe(status(Standing(NEW, OLD, "", OLD), answered=True)).splitlines()
    assert f"classifier models/ {NEW[:12]}, champion {OLD[:12]}, packed none, served {OLD[:12]}" in lines
    lines = describe(status(UP_TO_DATE)).splitlines()
    assert f"generator  {NEW[:12]}, the same in models/, champion, packed" in lines
    assert f"service    {DOWN} does not answer" in lines


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "of unknown age"),
        (59, "less than a minute"),
        (60, "1 minute"),
        (7200, "2 hours"),
        (86400, "1 day"),
        (864000, "10 days"),
    ],
)
def test_age_is_in_its_largest_unit(seconds, text):
    assert age(seconds) == text


def test_age_counts_from_the_last_start_of_a_stage():
    entry = {"part": "stage", "repro": "", "starting": 1, "running": 1, "cpu": 1}
    times = [{**entry, "stage": "a", "started": 1}, {**entry, "stage": "a", "started": 9}]
    assert last_started(times) == {"a": 9}  # pyright: ignore[reportArgumentType]


def test_age_of_a_model_comes_from_its_own_run_and_that_of_data_from_the_last_crawl_here():
    here = {"train_classifier": 9.0, "scrape_images": 9.0}
    logged = {"train_classifier": 5.0, "scrape_images": 5.0, "fetch_words": 5.0}
    expected = {"train_classifier": 5.0, "scrape_images": 9.0, "fetch_words": 5.0}
    assert merge_starts(here, logged) == expected


def test_age_of_live_data_counts_from_the_last_live_crawl(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".cache/crawl/snapshots"
    folder.mkdir(parents=True)
    for name, date in (
        ("scrape_images-a", "1970-01-02"),
        ("scrape_images-b", "1970-01-03"),
        ("other-a", "2026-05-05"),
    ):
        (folder / f"{name}.json").write_text(json.dumps({"date": date, "settings": {}}), encoding="utf-8")

    def crawled(web: str) -> dict[str, StageRecord]:
        record = StageRecord(code="", params={"crawl.web": web}, libraries={}, inputs={}, outputs={})
        return {"scrape_images": record, "scrape_names": record}

    assert live_crawls(crawled("live")) == {"scrape_images": 2 * 86400}
    assert live_crawls(crawled("demo")) == {}


def test_changes_are_grouped_by_kind():
    changes = {
        "a": [
            {"changed deps": {"params.yaml": {"seed": "modified"}, "versions.yaml": {"numpy": "modified"}}}
        ],
        "b": [
            {
                "changed deps": {
                    "crawlers": "modified",
                    "data/own_images": "new",
                    "src/herodex/npm.py": "deleted",
                }
            }
        ],
        "c": [{"changed outs": {"models/classifier": "deleted"}}, "changed command"],
    }
    assert changed_since(changes) == {
        "code": ["crawlers", "src/herodex/npm.py"],
        "data": ["data/own_images"],
        "libraries": ["numpy"],
        "outputs": ["models/classifier (deleted)"],
        "settings": ["seed"],
        "stages": ["changed command"],
    }
    text = describe(status(UP_TO_DATE, changed={"code": list("abcdef")}))
    assert "changed    code: a, b, c, d and 2 more" in text


def test_change_is_named_once():
    changes = {
        "a": [{"changed outs": {"models/a": "deleted"}}],
        "b": [{"changed deps": {"models/a": "deleted", "params.yaml": {"x": "modified", "x.y": "modified"}}}],
    }
    assert changed_since(changes) == {"outputs": ["models/a (deleted)"], "settings": ["x.y"]}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Git and DVC with one stage that has run, and a store of bentos beside it."""
    folder = tmp_path_factory.mktemp("repository") / "project"
    (folder.parent / "bentoml").mkdir()
    folder.mkdir()
    (folder / "params.yaml").write_text("seed: 1\n", encoding="utf-8")
    stage = "stages: {fetch_words: {cmd: touch words.txt, params: [seed], outs: [words.txt]}}\n"
    (folder / "dvc.yaml").write_text(stage, encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    commit = ["git", "-c", "user.name=A", "-c", "user.email=a@a.test", "commit", "-qam", "Run"]
    made = (["git", "init", "-q"], [*dvc, "init", "-q"], [*dvc, "repro", "-q"], ["git", "add", "."], commit)
    for command in made:
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def project(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that repository, to change."""
    folder = shutil.copytree(repository, tmp_path / "project", symlinks=True)
    monkeypatch.chdir(folder)
    # BentoML reads it once in a process.
    monkeypatch.setenv("BENTOML_HOME", str(repository.parent / "bentoml"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder


@OTHERS_WARNINGS
def test_changes_in_a_real_project_are_found(project):
    assert changed_since(dvc_status()) == {}
    assert uncommitted_files() == []
    (project / "params.yaml").write_text("seed: 2\n", encoding="utf-8")
    (project / "words.txt").unlink()
    with (project / "dvc.lock").open("a", encoding="utf-8") as lock:
        lock.write("\n")
    assert changed_since(dvc_status()) == {"outputs": ["words.txt (deleted)"], "settings": ["seed"]}
    assert uncommitted_files() == ["dvc.lock"]


@OTHERS_WARNINGS
@pytest.mark.parametrize(
    ("file", "problem", "step"),
    [
        ("dvc.lock", "dvc.lock is damaged, for example by a merge", "git checkout dvc.lock"),
        ("dvc.yaml", "DVC cannot read the project", "dvc status"),
        ("models/lineage.json", "models/lineage.json is damaged", "make run"),
    ],
)
def test_damaged_file_is_named_and_the_rest_is_shown(project, file, problem, step):
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_text("<<<<<<< HEAD\n{", encoding="utf-8")
    found = gather(DOWN)
    text = describe(found)
    assert found.repairs
    assert f"unknown    {problem}" in text
    assert step in next_step(found)
    assert "age        images of unknown age" in text
    assert ("changed    unknown" in text) == file.startswith("dvc")


@OTHERS_WARNINGS
def test_missing_lock_that_git_has_is_restored(project):
    (project / "dvc.lock").unlink()
    assert next_step(gather(DOWN)).startswith("`git checkout dvc.lock`")


@OTHERS_WARNINGS
def test_status_of_a_project_without_models_or_times(project):
    found = gather(DOWN)
    assert set(found.seconds.values()) == {None}
    assert (found.changed, found.bento, found.answered) == ({}, "", False)
    text = describe(found)
    assert "words of unknown age" in text
    assert "bento      none" in text
    assert "next       `make run`: no stage has run" in text


@pytest.fixture
def lineage_server() -> Iterator[HTTPServer]:
    """A server that answers every request with its `lineage`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.server.lineage)  # pyright: ignore[reportAttributeAccessIssue]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the name of the overridden one
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            json.dumps({"commit": None, "classifier": {"model": NEW}}),
            {"commit": None, "classifier": {"model": NEW}},
        ),
        ("no JSON", None),
        ("[]", None),
    ],
)
def test_service_is_asked_for_its_lineage(lineage_server, text, answer):
    lineage_server.lineage = text.encode()
    assert ask_service(f"http://127.0.0.1:{lineage_server.server_port}/") == answer


@pytest.mark.parametrize("address", [DOWN, "no address", "http://[::"])
def test_service_that_does_not_answer_is_no_error(address):
    assert ask_service(address) is None
