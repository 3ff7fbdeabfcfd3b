"""The stage `scrape_names` with the demo web's Pokédex, with listed names, and with bad input."""

import csv

import pytest
from crawl_through import THROUGH
from odd_web import give, running_odd_web
from workspace import PROJECT, Workspace

STAGE = ("-m", "crawlers.scrape_names")
POKEDEX = "http://pokedex.herodex.test"
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """A fresh workspace with the project's empty file of names."""
    (workspace.folder / "data").mkdir()
    write_names_file(workspace, (PROJECT / "data/names.txt").read_bytes())
    return workspace


def write_names_file(workspace, content):
    (workspace.folder / "data/names.txt").write_bytes(content)


def report_of(workspace):
    return (workspace.folder / "reports/name_sources.md").read_text(encoding="utf-8")


def table(*species, following=""):
    rows = "".join(
        f'<tr class="species"><td class="number">{number}</td><td class="name">{name}</td>'
        f'<td class="generation">{generation}</td></tr>'
        for number, name, generation in species
    )
    link = f'<a rel="next" href="{following}">next</a>' if following else ""
    return give(200, f"<!doctype html><table>{rows}</table>{link}".encode(), HTML)


def names_of(workspace):
    with (workspace.folder / "data/names/raw.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_whole_pokedex_is_collected_reproducibly(workspace):
    workspace.write_params({})
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    rows = names_of(workspace)
    assert [row["number"] for row in rows] == [str(number) for number in range(1, 1026)]
    assert sum(row["generation"] == "9" for row in rows) == 120
    assert rows[0] == {
        "number": "1",
        "name": "Bulbasaur",
        "generation": "1",
        "page_url": f"{POKEDEX}/pokemon?page=1",
    }
    assert "1025 names were taken from pokedex." in report_of(workspace)
    first = workspace.tree("data") | workspace.tree("reports")
    assert first.keys() == {"names.txt", "names/raw.csv", "name_sources.md"}
    assert workspace.run(*STAGE).code == 0
    assert workspace.tree("data") | workspace.tree("reports") == first


def test_names_from_params_are_written_without_a_crawl(workspace):
    names = [f"Name {number}, Ünï" for number in range(20)]
    workspace.write_params({"names": names, "crawl.web": "no/such/folder"})
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    assert names_of(workspace) == [
        {"number": "", "name": name, "generation": "", "page_url": ""} for name in names
    ]
    assert "20 names were taken from params.yaml. No source was crawled." in report_of(workspace)


def test_names_from_the_file_are_written_unchanged_without_a_crawl(workspace):
    names = [f"Näme {number}, “Ünï” 人" for number in range(20)]
    write_names_file(workspace, ("\ufeff# mine\r\n\r\n" + "\r\n".join(names)).encode())
    workspace.write_params({"crawl.web": "live"})
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    assert [row["name"] for row in names_of(workspace)] == names
    assert "20 names were taken from data/names.txt." in report_of(workspace).replace("\\", "")


def test_live_web_is_not_crawled_without_consent_and_old_names_stay(workspace):
    old = workspace.folder / "data/names/raw.csv"
    old.parent.mkdir()
    old.write_text("what was there", encoding="utf-8")
    workspace.write_params({"crawl.web": "live", "crawl.contact": "me@example.org"})
    run = workspace.run(*STAGE, HERODEX_LIVE="")
    assert run.code == 1
    assert "scrape_names has no snapshot of the live web: reports/name_sources.md is missing" in run.log
    assert "make refresh" in run.log
    assert "Traceback" not in run.log
    assert old.read_text(encoding="utf-8") == "what was there"


NAMES_IN_MANY_SCRIPTS = [
    "ピカチュウ",
    "ミュウツー",
    "مُحَمَّد",
    "נֹעַם",
    "Ångström",
    "🦊 Fox",
    "한글",
    "हिन्दी",
    "Ваня",
    "李雷",
]


def test_names_file_supports_any_script(workspace):
    workspace.write_params({"names": [], "crawl.web": "no/such/folder"})
    names = [f"{name} {part}" for name in NAMES_IN_MANY_SCRIPTS for part in ("I", "II")]
    path = workspace.folder / "data/names.txt"
    path.parent.mkdir(exist_ok=True)
    # As a Windows editor saves it, with empty lines in between.
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(names).encode() + b"\r\n")
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    assert [row["name"] for row in names_of(workspace)] == names


def test_names_are_crawled_with_a_folder_of_images(workspace):
    (workspace.folder / "mine").mkdir()
    workspace.write_params({"crawl.web": "mine"})
    assert workspace.run(*STAGE).code == 0
    assert len(names_of(workspace)) == 1025


def test_unknown_web_is_an_error(workspace):
    workspace.write_params({"crawl.web": "no/such/folder"})
    run = workspace.run(*STAGE)
    assert run.code == 1
    assert "crawl.web in params.yaml is 'no/such/folder'" in run.log
    assert "Traceback" not in run.log
    assert workspace.tree("data").keys() == {"names.txt"}


@pytest.mark.parametrize(
    ("second_page", "message"),
    [
        (give(404, b""), "it answered 404 Not Found"),
        (give(503, b""), "it answered 503 Service Unavailable"),
        (table(), "it lists no species"),
        (table(("two", "Ivysaur", 1)), "1 of 2 records are missing"),
    ],
    ids=["not found", "always busy", "empty", "malformed"],
)
def test_missing_pokedex_page_ends_the_crawl_with_a_message(workspace, second_page, message):
    workspace.write_params({"crawl.retries": 1})
    answers = {
        f"{POKEDEX}/pokemon?page=1": table((1, "Bulbasaur", 1), following="/pokemon?page=2"),
        f"{POKEDEX}/pokemon?page=2": second_page,
    }
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "names", web.proxy)
    assert run.code == 1
    assert f"{POKEDEX}/pokemon?page=2" in run.log
    assert message in run.log
    assert "Traceback" not in run.log
