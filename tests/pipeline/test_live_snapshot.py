"""A snapshot of the live web stays what it is: DVC asks for no other by surprise, `make refresh` does."""

import io
import random
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from odd_web import Answer, OddWeb, Reply, give, respond, running_odd_web
from PIL import Image
from project_copy import FROZEN, ProjectCopy, copy_project
from replicas import commons, pokemondb
from workspace import PROJECT, Run

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
"""A proxy at which nobody answers, on machines with and without the internet."""


def image(number: int) -> bytes:
    """A pattern of squares, sharp and unlike all others."""
    squares = Image.frombytes("RGB", (12, 12), random.Random(number).randbytes(3 * 12 * 12))
    file = io.BytesIO()
    squares.resize((240, 240), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()


def live_web(names: int) -> dict[str, Answer]:
    """Play the sources of names and of images; each search finds two images of its own."""
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
def on_line(answers: Mapping[str, Answer]) -> Iterator[tuple[OddWeb, dict[str, str]]]:
    """Play the internet; yields it, and the environment in which a process has no other."""
    with running_odd_web(lambda _: answers) as web:
        yield web, {"http_proxy": web.proxy, "https_proxy": web.proxy}


def refresh(project: ProjectCopy, *stages: str, **environment: str) -> Run:
    """Do what `make refresh` does."""
    return project.command("scripts/refresh.sh", *stages, **environment)


def change(project: ProjectCopy, **changes: Any) -> None:
    project.write_params(LIVE | {key.replace("__", "."): value for key, value in changes.items()})


def outputs(project: ProjectCopy) -> dict[str, bytes]:
    folders = ("data/images", "data/names", "reports")
    return {f"{folder}/{name}": data for folder in folders for name, data in project.tree(folder).items()}


def frozen_stages(project: ProjectCopy) -> set[str]:
    stages = yaml.safe_load(project.text("dvc.yaml"))["stages"]
    return {name for name, stage in stages.items() if stage.get("frozen")}


def unfrozen_pipeline() -> str:
    return (PROJECT / "dvc.yaml").read_text(encoding="utf-8").replace(FROZEN, "")


def executed(run: Run) -> set[str]:
    """The stages that DVC ran."""
    assert run.code == 0, run.output + run.log
    return {line.split("'")[1] for line in run.output.splitlines() if line.startswith("Running stage")}


def assert_one_message(run: Run, *words: str) -> None:
    """Check that a run failed with one message of Herodex's, which holds `words`."""
    assert run.code != 0
    assert run.log.count("error: ") == 1, run.log
    assert "Traceback" not in run.log + run.output
    assert [word for word in words if word not in run.log] == []


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with its first snapshot of the live web."""
    project = copy_project(tmp_path_factory.mktemp("project"), LIVE)
    with on_line(live_web(30)) as (_, environment):
        run = refresh(project, **environment)
    assert run.code == 0, run.output + run.log
    return project


@pytest.fixture
def project(refreshed: ProjectCopy, tmp_path: Path) -> ProjectCopy:
    """A copy of that project, for a test to change."""
    return ProjectCopy(shutil.copytree(refreshed.folder, tmp_path / "project"))


def test_a_refresh_takes_a_snapshot_and_only_adds_that_it_is_frozen(refreshed):
    assert refreshed.text("dvc.yaml").count(FROZEN) == 2
    assert refreshed.text("dvc.yaml").replace(FROZEN, "") == unfrozen_pipeline()
    assert frozen_stages(refreshed) == set(STAGES)
    assert refreshed.text("data/images/raw/manifest.csv").count(",ok,") == 4
    assert refreshed.text("data/names/raw.csv").count("\n") == 31


def test_after_a_refresh_there_is_nothing_to_do(project):
    lock, before = project.text("dvc.lock"), outputs(project)
    assert executed(project.dvc("repro", *STAGES)) == set()
    assert (project.text("dvc.lock"), outputs(project)) == (lock, before)


def test_the_stages_after_a_frozen_snapshot_run_on_it_whatever_has_changed(project):
    before = outputs(project)
    change(project, crawl__retries=1, classes=["two", "one"])
    with (project.folder / "crawlers" / "run.py").open("a", encoding="utf-8") as code:
        code.write("\n# changed\n")
    after = ("clean_names", "clean_images")
    assert executed(project.dvc("repro", *after)) == set(after)
    assert before.items() <= outputs(project).items()
    assert executed(project.dvc("repro", *after)) == set()


def test_a_second_refresh_crawls_again_and_the_first_snapshot_can_be_had_back(project):
    pipeline, lock, first = project.text("dvc.yaml"), project.text("dvc.lock"), outputs(project)
    with on_line(live_web(40)) as (web, environment):
        run = refresh(project, "scrape_names", **environment)
    assert run.code == 0, run.output + run.log
    assert pokemondb.NATIONAL in web.requests
    assert project.text("data/names/raw.csv").count("\n") == 41
    assert project.text("dvc.yaml") == pipeline
    (project.folder / "dvc.lock").write_text(lock, encoding="utf-8")
    assert project.dvc("checkout", "scrape_names").code == 0
    assert outputs(project) == first


@pytest.mark.parametrize("stages", [(), ("scrape_images",)], ids=["both", "images"])
def test_a_refresh_without_a_network_leaves_the_snapshot_and_keeps_it_frozen(project, stages):
    pipeline, lock, before = project.text("dvc.yaml"), project.text("dvc.lock"), outputs(project)
    run = refresh(project, *stages, **OFF_LINE)
    assert_one_message(run, "No source of names" if not stages else "kept no image of one, two")
    assert (project.text("dvc.yaml"), project.text("dvc.lock")) == (pipeline, lock)
    assert outputs(project) == before


@pytest.mark.parametrize(
    ("stage", "output"), [("scrape_names", "data/names/raw.csv"), ("scrape_images", "data/images/raw")]
)
def test_dvc_never_asks_the_live_web_by_surprise_and_says_what_to_do_instead(project, stage, output):
    before = outputs(project)
    project.unfreeze()
    change(project, crawl__timeout_s=5)
    run = project.dvc("repro", "--single-item", stage)
    assert_one_message(run, "make refresh", f"'dvc freeze {stage}'", output)
    assert outputs(project) == before
    assert project.dvc("freeze", stage).code == 0
    assert executed(project.dvc("repro", stage)) == set()
    assert outputs(project) == before


def test_a_parameter_changed_and_changed_back_costs_no_crawl(project):
    before = outputs(project)
    project.unfreeze()
    change(project, crawl__timeout_s=5)
    assert project.dvc("repro", *STAGES).code != 0
    change(project)
    assert executed(project.dvc("repro", *STAGES)) == set()
    assert outputs(project) == before


def test_to_freeze_and_unfreeze_by_hand_changes_nothing_else(project):
    def meaning(text: str) -> dict[str, Any]:
        pipeline = yaml.safe_load(text)
        for stage in pipeline["stages"].values():
            stage.update({key: sorted(stage[key]) for key in ("deps", "params") if key in stage})
        return pipeline

    frozen = project.text("dvc.yaml")
    assert project.dvc("unfreeze", *STAGES).code == 0
    assert meaning(project.text("dvc.yaml")) == meaning(unfrozen_pipeline())
    assert project.dvc("freeze", *STAGES).code == 0
    assert meaning(project.text("dvc.yaml")) == meaning(frozen)


def test_images_from_a_folder_are_not_frozen_nor_taken_from_the_run_cache(project, tmp_path):
    folder = tmp_path / "images"
    for number, name in enumerate(QUERIES):
        (folder / name).mkdir(parents=True)
        (folder / name / "1.png").write_bytes(image(number))
    given = {"crawl__web": str(folder), "crawl__images__sources": ["folder"]}
    change(project, **given)
    assert executed(refresh(project, "scrape_images")) == {"scrape_images"}
    assert frozen_stages(project) == {"scrape_names"}
    first = outputs(project)
    (folder / "two" / "2.png").write_bytes(image(2))
    assert executed(project.dvc("repro", "scrape_images")) == set()
    assert executed(refresh(project, "scrape_images")) == {"scrape_images"}
    assert project.text("data/images/raw/manifest.csv").count(",ok,") == 3
    change(project, **given, crawl__images__per_query=1)
    assert executed(project.dvc("repro", "scrape_images")) == {"scrape_images"}
    assert outputs(project) == first


def test_names_that_the_user_gives_are_not_frozen(project):
    names = [f"Name {number}" for number in range(20)]
    file = project.folder / "data" / "names.txt"
    file.write_text("\n".join(names), encoding="utf-8")
    assert executed(refresh(project, "scrape_names", **OFF_LINE)) == {"scrape_names"}
    assert frozen_stages(project) == {"scrape_images"}
    file.write_text("\n".join([*names, "Another"]), encoding="utf-8")
    assert executed(project.dvc("repro", "scrape_names")) == {"scrape_names"}
    assert "Another" in project.text("data/names/raw.csv")
