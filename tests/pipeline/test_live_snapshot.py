"""Snapshots of the live web: only `make refresh` crawls; `dvc repro` keeps the data or stops."""

import io
import os
import random
import shutil
import signal
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from odd_web import Answer, OddWeb, Reply, give, respond, running_odd_web
from PIL import Image
from processes import descendants, send_signal
from project_copy import ProjectCopy, copy_project
from replicas import commons, pokemondb
from workspace import Run

from demo_web.pokedex import read_species

STAGES = ("scrape_names", "scrape_images")
QUERIES = ["one", "two"]
PNG = {"Content-Type": "image/png"}
LIVE = {
    "classes": QUERIES,
    "distractors": [],
    "names": [],
    "crawl.web": "live",
    "crawl.contact": "mailto:operator@example.org",
    "crawl.accepted_terms": ["commons"],
    "crawl.images.sources": ["commons"],
    "crawl.images.per_query": 2,
    "crawl.names.sources": ["pokemondb"],
    "crawl.retries": 0,
    "crawl.delay_s": 0,
}
OFF_LINE = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
"""A proxy that does not exist, so that no request reaches the internet."""


def image(number: int) -> bytes:
    """Make a sharp pattern of squares, different for each number."""
    squares = Image.frombytes("RGB", (12, 12), random.Random(number).randbytes(3 * 12 * 12))
    file = io.BytesIO()
    squares.resize((240, 240), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def live_web(names: int) -> dict[str, Answer]:
    """Replicate the sources of names and images; each search finds two images of its own."""
    urls = {query: [f"http://images.test/{query}/{rank}.png" for rank in (1, 2)] for query in QUERIES}
    shown = [url for found in urls.values() for url in found]
    return {
        commons.ROBOTS_URL: give(200, commons.ROBOTS),
        commons.SEARCH: respond(partial(find, urls)),
        **{url: give(200, image(number), PNG) for number, url in enumerate(shown)},
        **pokemondb.pokemondb(pokemondb.national_page(read_species()[:names])),
    }


def find(urls: Mapping[str, list[str]], parameters: dict[str, str]) -> Reply:
    """Answer a search on Commons."""
    found = next(urls[query] for query in QUERIES if query in parameters["gsrsearch"])
    return commons.search([commons.page(rank, url=url) for rank, url in enumerate(found)], parameters)


@contextmanager
def on_line(answers: Mapping[str, Answer]) -> Generator[tuple[OddWeb, dict[str, str]]]:
    """Serve a replica of the live web; yield it and the environment that routes processes to it."""
    with running_odd_web(lambda _: answers) as web:
        yield web, {"http_proxy": web.proxy, "https_proxy": web.proxy}


def refresh(project: ProjectCopy, *stages: str, **environment: str) -> Run:
    """Run the script of `make refresh`."""
    return project.command("scripts/refresh.sh", *stages, **environment)


def change(project: ProjectCopy, **changes: Any) -> None:
    project.write_params(LIVE | {key.replace("__", "."): value for key, value in changes.items()})


def outputs(project: ProjectCopy) -> dict[str, bytes]:
    folders = ("data/images", "data/names", "reports")
    return {f"{folder}/{name}": data for folder in folders for name, data in project.tree(folder).items()}


def edit_code(project: ProjectCopy) -> None:
    """Change a file that both stages depend on."""
    with (project.folder / "crawlers" / "run.py").open("a", encoding="utf-8") as code:
        code.write("\n# changed\n")


def edited_files(project: ProjectCopy) -> set[str]:
    """List the tracked files that differ from their state before the first refresh."""
    return set(project.command("git", "diff", "--name-only").output.splitlines())


def executed(run: Run) -> set[str]:
    """Return the stages that DVC ran."""
    assert run.code == 0, run.output + run.log
    return {line.split("'")[1] for line in run.output.splitlines() if line.startswith("Running stage")}


def assert_one_message(run: Run, *words: str) -> None:
    """Check that a run failed with exactly one error message, which contains `words`."""
    assert run.code != 0
    assert run.log.count("error: ") == 1, run.log
    assert "Traceback" not in run.log + run.output
    assert [word for word in words if word not in run.log] == []


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with its first snapshot of the live web."""
    project = copy_project(tmp_path_factory.mktemp("project"), LIVE)
    assert project.command("git", "add", ".").code == 0
    with on_line(live_web(30)) as (_, environment):
        run = refresh(project, **environment)
    assert run.code == 0, run.output + run.log
    return project


@pytest.fixture
def project(refreshed: ProjectCopy, tmp_path: Path) -> ProjectCopy:
    """A project of its own for each test."""
    return ProjectCopy(shutil.copytree(refreshed.folder, tmp_path / "project"))


def test_refresh_crawls_and_edits_no_tracked_file(refreshed):
    assert edited_files(refreshed) == set()
    assert refreshed.text("data/images/raw/manifest.csv").count(",ok,") == 4
    assert refreshed.text("data/names/raw.csv").count("\n") == 31


def test_repro_does_nothing_after_a_refresh(project):
    lock, before = project.text("dvc.lock"), outputs(project)
    assert executed(project.dvc("repro", *STAGES)) == set()
    assert (project.text("dvc.lock"), outputs(project)) == (lock, before)


def test_code_edit_keeps_the_snapshot_and_crawls_nothing(project):
    before = outputs(project)
    edit_code(project)
    with on_line(live_web(40)) as (web, environment):
        run = project.command("dvc", "repro", *STAGES, **environment)
    assert executed(run) == set(STAGES)
    for stage in STAGES:
        assert f"{stage}: keeping the snapshot of 20" in run.log
    assert "'make refresh' crawls anew" in run.log
    assert web.requests == {}
    assert outputs(project) == before
    assert executed(project.dvc("repro", *STAGES)) == set()
    assert edited_files(project) == {"crawlers/run.py"}


def test_manners_may_change_without_a_new_crawl(project):
    before = outputs(project)
    change(project, crawl__retries=1, crawl__contact="mailto:other@example.org", crawl__delay_s=2)
    assert executed(project.dvc("repro", *STAGES)) == set(STAGES)
    assert outputs(project) == before


def test_later_stages_run_on_the_snapshot(project):
    before = outputs(project)
    edit_code(project)
    after = ("clean_names", "clean_images")
    assert executed(project.dvc("repro", *after)) == {*STAGES, *after}
    assert before.items() <= outputs(project).items()
    assert executed(project.dvc("repro", *after)) == set()


@pytest.mark.parametrize(
    ("stage", "setting", "changes"),
    [
        ("scrape_images", "classes", {"classes": ["two", "one"]}),
        ("scrape_images", "crawl.images.per_query", {"crawl__images__per_query": 1}),
        ("scrape_names", "crawl.names.language", {"crawl__names__language": "fr"}),
    ],
)
def test_changed_settings_stop_with_a_message_until_committed(project, stage, setting, changes):
    before = outputs(project)
    change(project, **changes)
    run = project.dvc("repro", "--single-item", stage)
    assert_one_message(run, f"{stage} would crawl the live web", setting, "'make refresh'")
    assert f"'dvc commit -f {stage}'" in run.log
    assert outputs(project) == before
    assert project.dvc("commit", "-f", stage).code == 0
    assert executed(project.dvc("repro", stage)) == set()
    assert outputs(project) == before
    assert edited_files(project) == {"params.yaml"}


def test_setting_changed_and_changed_back_costs_no_crawl(project):
    before = outputs(project)
    change(project, crawl__images__per_query=1, crawl__names__language="fr")
    assert project.dvc("repro", *STAGES).code != 0
    change(project)
    assert executed(project.dvc("repro", *STAGES)) == set()
    assert outputs(project) == before


@pytest.mark.parametrize(
    ("stage", "output"), [("scrape_names", "data/names/raw.csv"), ("scrape_images", "data/images/raw")]
)
def test_missing_or_foreign_data_stops_with_a_message(project, stage, output):
    other = project.folder / ("reports/name_sources.md" if stage == "scrape_names" else "reports/sources.md")
    other.write_text("edited", encoding="utf-8")
    run = project.dvc("repro", "--single-item", stage)
    assert_one_message(
        run, f"{output} is not from a live crawl", "'make refresh'", f"'dvc commit -f {stage}'"
    )
    other.unlink()
    run = project.dvc("repro", "--single-item", stage)
    assert_one_message(run, f"{other.relative_to(project.folder)} is missing", "'make refresh'")


def test_second_refresh_crawls_again_and_the_first_snapshot_can_be_restored(project):
    lock, first = project.text("dvc.lock"), outputs(project)
    with on_line(live_web(40)) as (web, environment):
        run = refresh(project, "scrape_names", **environment)
    assert run.code == 0, run.output + run.log
    assert pokemondb.NATIONAL in web.requests
    assert project.text("data/names/raw.csv").count("\n") == 41
    (project.folder / "dvc.lock").write_text(lock, encoding="utf-8")
    assert project.dvc("checkout", "scrape_names").code == 0
    assert outputs(project) == first
    edit_code(project)
    assert executed(project.dvc("repro", "scrape_names")) == {"scrape_names"}
    assert outputs(project) == first


@pytest.mark.parametrize("stages", [(), ("scrape_images",)], ids=["both", "images"])
def test_refresh_without_a_network_leaves_the_snapshot(project, stages):
    lock, before = project.text("dvc.lock"), outputs(project)
    run = refresh(project, *stages, **OFF_LINE)
    assert_one_message(run, "No source gave a complete list" if not stages else "kept no image of one, two")
    assert project.text("dvc.lock") == lock
    assert outputs(project) == before
    edit_code(project)
    assert executed(project.dvc("repro", *STAGES)) == set(STAGES)
    assert outputs(project) == before


def test_interrupted_refresh_leaves_the_snapshot_and_continues(project):
    change(project, crawl__timeout_s=3)
    before, reached, answers = outputs(project), threading.Event(), live_web(30)

    def hang_at_second_query(web: OddWeb, handler: BaseHTTPRequestHandler) -> None:
        if "two" in handler.path:
            reached.set()
            web.hang(handler)
        else:
            answers[commons.SEARCH](handler)

    def hanging_web(web: OddWeb) -> dict[str, Answer]:
        return answers | {commons.SEARCH: partial(hang_at_second_query, web)}

    with ThreadPoolExecutor() as pool, running_odd_web(hanging_web) as web:
        environment = {"http_proxy": web.proxy, "https_proxy": web.proxy}
        refreshing = pool.submit(refresh, project, "scrape_images", **environment)
        assert reached.wait(60)
        interrupt_process("crawlers.scrape_images")
        assert_one_message(refreshing.result(60), "The crawl was interrupted.", "continue")
    assert searched(web) == {"one", "two"}
    assert outputs(project) == before

    with on_line(answers) as (web, environment):
        assert executed(refresh(project, "scrape_images", **environment)) == {"scrape_images"}
    assert searched(web) == {"two"}
    assert outputs(project) == before
    assert edited_files(project) == {"params.yaml"}


def searched(web: OddWeb) -> set[str]:
    """Return the queries that Commons was searched for."""
    searches = [url for url in web.requests if url.startswith(commons.SEARCH)]
    return {query for query in QUERIES for url in searches if query in url}


def interrupt_process(module: str) -> None:
    """Send SIGINT, as Ctrl-C does, to the process of this test that runs a module."""
    for pid, command in descendants(os.getpid()).items():
        if command[-2:] == ["-m", module]:
            send_signal(pid, signal.SIGINT)


def test_folder_of_images_needs_no_refresh_and_is_not_taken_from_the_run_cache(project, tmp_path):
    folder = tmp_path / "images"
    for number, name in enumerate(QUERIES):
        (folder / name).mkdir(parents=True)
        for place in range(5):
            (folder / name / f"{place}.png").write_bytes(image(5 * number + place))
    given = {"crawl__web": str(folder), "crawl__images__sources": ["folder"]}
    change(project, **given)
    assert executed(refresh(project, "scrape_images")) == {"scrape_images"}
    first = outputs(project)
    added = folder / "two" / "added.png"
    added.write_bytes(image(99))
    assert executed(project.dvc("repro", "scrape_images")) == set()
    assert executed(refresh(project, "scrape_images")) == {"scrape_images"}
    assert project.text("data/images/raw/manifest.csv").count(",ok,") == 11
    added.unlink()
    change(project, **given, crawl__images__per_query=1)
    assert executed(project.dvc("repro", "scrape_images")) == {"scrape_images"}
    assert outputs(project) == first
    change(project)
    run = project.dvc("repro", "scrape_images")
    assert_one_message(run, "data/images/raw is not from a live crawl", "'make refresh'")
    assert outputs(project) == first


def test_listed_names_need_no_refresh(project):
    names = [f"Name {number}" for number in range(20)]
    file = project.folder / "data" / "names.txt"
    file.write_text("\n".join(names), encoding="utf-8")
    assert executed(refresh(project, "scrape_names", **OFF_LINE)) == {"scrape_names"}
    file.write_text("\n".join([*names, "Another"]), encoding="utf-8")
    assert executed(project.dvc("repro", "scrape_names")) == {"scrape_names"}
    assert "Another" in project.text("data/names/raw.csv")
