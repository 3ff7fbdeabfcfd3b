"""The stage `scrape_names`: the embedded Pokédex, names from params, and what it says to bad input."""

import csv

import pytest
from crawl_through import THROUGH
from odd_web import give, running_odd_web

STAGE = ("-m", "crawlers.scrape_names")
POKEDEX = "http://pokedex.herodex.test"
HTML = {"Content-Type": "text/html; charset=utf-8"}


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


def test_the_whole_pokedex_is_collected_with_the_same_bytes_each_time(workspace):
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
    first = workspace.tree("data")
    assert first.keys() == {"names/raw.csv"}
    assert workspace.run(*STAGE).code == 0
    assert workspace.tree("data") == first


def test_names_from_params_are_written_without_a_crawl(workspace):
    names = [f"Name {number}, Ünï" for number in range(20)]
    workspace.write_params({"names": names, "crawl.web": "no/such/folder"})
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    assert names_of(workspace) == [
        {"number": "", "name": name, "generation": "", "page_url": ""} for name in names
    ]


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


def test_names_in_a_text_file_are_taken_line_by_line_in_any_script(workspace):
    workspace.write_params({"names": [], "crawl.web": "no/such/folder"})
    names = [f"{name} {part}" for name in NAMES_IN_MANY_SCRIPTS for part in ("I", "II")]
    path = workspace.folder / "data/names.txt"
    path.parent.mkdir()
    # As an editor on Windows would save it, with empty lines in between.
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(names).encode() + b"\r\n")
    run = workspace.run(*STAGE)
    assert run.code == 0, run.log
    assert [row["name"] for row in names_of(workspace)] == names


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Ada\nGrace\n", "data/names.txt has 2 names; a model of names needs 20 or more."),
        (b"Ada\nGr\xe4ce\n" * 20, "data/names.txt: line 2 is not UTF-8."),
    ],
)
def test_a_text_file_that_will_not_do_is_explained(workspace, content, message):
    workspace.write_params({"names": []})
    (workspace.folder / "data").mkdir()
    (workspace.folder / "data/names.txt").write_bytes(content)
    run = workspace.run(*STAGE)
    assert run.code == 1
    assert run.log.startswith(f"error: {message}\n  fix: ")
    assert not (workspace.folder / "data/names").exists()


def test_names_are_crawled_beside_a_folder_of_pictures(workspace):
    (workspace.folder / "mine").mkdir()
    workspace.write_params({"crawl.web": "mine"})
    assert workspace.run(*STAGE).code == 0
    assert len(names_of(workspace)) == 1025


@pytest.mark.parametrize("web", ["live", "no/such/folder"])
def test_a_web_that_cannot_be_crawled_is_named_and_the_old_names_stay(workspace, web):
    old = workspace.folder / "data/names/raw.csv"
    old.parent.mkdir(parents=True)
    old.write_text("what was there", encoding="utf-8")
    workspace.write_params({"crawl.web": web})
    run = workspace.run(*STAGE)
    assert run.code == 1
    assert f"crawl.web in params.yaml is '{web}'" in run.log
    assert "Traceback" not in run.log
    assert workspace.tree("data") == {"names/raw.csv": b"what was there"}


@pytest.mark.parametrize(
    ("second_page", "message"),
    [
        (give(404, b""), "could not be had: Ignoring non-200 response"),
        (give(503, b""), "could not be had: Ignoring non-200 response"),
        (table(), "lists no species"),
        (table(("two", "Ivysaur", 1)), "has a row that cannot be read"),
    ],
    ids=["not found", "always busy", "empty", "malformed"],
)
def test_a_hole_in_the_pokedex_ends_the_crawl_with_a_message(workspace, second_page, message):
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
