"""The sources of names against replicas of PokéAPI and pokemondb.net with faults."""

import csv
import threading

import pytest
from names_through import NAMES_THROUGH
from odd_web import give, hang_up, in_turn, running_odd_web
from replicas import pokeapi, pokemondb

from demo_web.pokedex import Species, read_species

SPECIES = read_species()[:400]
FEW = SPECIES[:30]
LIVE = {"crawl.web": "live", "crawl.contact": "me@example.org", "crawl.retries": 1}
HTML = {"Content-Type": "text/html; charset=utf-8"}
FORBIDDEN = "User-agent: *\nDisallow: /\n"


def crawl(workspace, answers, **changes):
    """Crawl both sources; return the run and the web with its requests."""
    workspace.write_params(LIVE | changes)
    with running_odd_web(lambda _: answers) as web:
        return workspace.run(NAMES_THROUGH, web.proxy), web


def rows_of(workspace):
    with (workspace.folder / "data/names/raw.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def report_of(workspace):
    return (workspace.folder / "reports/name_sources.md").read_text(encoding="utf-8")


def both(species=FEW, pages=None, page=None, **robots):
    """Return the answers of both sources, with changed `pages` of PokéAPI and `page` of pokemondb."""
    robots_of = {"pokeapi": pokeapi.ROBOTS, "pokemondb": pokemondb.ROBOTS} | robots
    return pokeapi.pokeapi(species, pages, robots_of["pokeapi"]) | pokemondb.pokemondb(
        page or pokemondb.national_page(species), robots_of["pokemondb"]
    )


@pytest.fixture(scope="module")
def troubled(workspace_factory):
    """A complete crawl of both sources with all faults that do not end it."""
    record = {each.number: pokeapi.record(each) for each in SPECIES}
    nameless = record[11] | {"names": [{"name": "Chrysacier", "language": {"name": "fr"}}, None, {}]}
    moved = f"{pokeapi.SITE}/moved/21"
    pages = {
        pokeapi.species_url(number): answer
        for number, answer in {
            # Records that cannot be fetched or read.
            11: pokeapi.give_json(nameless),
            12: give(200, b'{"id": 12, "names": [', {"Content-Type": "application/json"}),
            13: give(200, b"<!doctype html><p>Please log in", HTML),
            14: give(200, b"\x89PNG\r\n\x1a\n\0\0", {"Content-Type": "image/png"}),
            15: give(404, b"Not Found"),
            16: give(503, b"busy"),
            17: pokeapi.give_json(record[18]),
            18: give(302, b"", {"Location": "http://127.0.0.1/18"}),
            # Records that need a retry, a redirect or tolerance.
            21: give(301, b"", {"Location": "https://pokeapi.co/moved/21"}),
            22: in_turn(give(500, b""), pokeapi.give_json(record[22])),
            23: in_turn(give(429, b"", {"Retry-After": "1"}), pokeapi.give_json(record[23])),
            24: in_turn(hang_up, pokeapi.give_json(record[24])),
            25: give(200, pokeapi.json.dumps(record[25]).encode(), {"Content-Type": "text/plain"}),
        }.items()
    } | {moved: pokeapi.give_json(record[21])}
    other = [
        *(each._replace(name=each.name.replace("’", "'")) for each in SPECIES if each.number != 42),
        Species(401, "Kricketot", 4),
    ]
    cards = {
        5: pokemondb.card(Species(5, "Charmelion | <b>", 1)),
        6: '<div class="infocard"><a class="ent-name" href="/x">Charizard</a></div>',
        7: '<div class="infocard"><small>#0007</small></div>',
        152: pokemondb.card(Species(152, "Chikorita", 2))
        + '</div><h2>Generation 9 Pokémon</h2><div class="infocard-list">',
    }
    workspace = workspace_factory()
    run, web = crawl(workspace, both(SPECIES, pages, pokemondb.national_page(other, cards)))
    assert run.code == 0, run.log
    return workspace, run, web


def test_every_good_name_is_collected_from_all_list_pages(troubled):
    workspace, _, web = troubled
    good = [each for each in SPECIES if not 11 <= each.number <= 18]
    assert rows_of(workspace) == [
        {
            "number": str(each.number),
            "name": each.name,
            "generation": str(each.generation),
            "page_url": f"https://pokeapi.co/api/v2/pokemon-species/{each.number}/",
        }
        for each in good
    ]
    assert [len(web.requests[pokeapi.list_url(offset)]) for offset in (0, 100, 200, 300)] == [1] * 4


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (11, "it has no name in the language 'en'"),
        (12, "no JSON but 'application/json'"),
        (13, "no JSON but 'text/html; charset=utf-8'"),
        (14, "no JSON but 'image/png'"),
        (15, "it answered 404 Not Found"),
        (16, "it answered 503 Service Unavailable"),
        (17, "its number is '18'"),
        (18, "not an address of the public web"),
    ],
)
def test_bad_pokeapi_record_is_in_log_and_report(troubled, number, reason):
    workspace, run, _ = troubled
    url = "http://127.0.0.1/18" if number == 18 else pokeapi.species_url(number)
    line = f"record {number} is left out: {url}: {reason}"
    assert f"pokeapi: {line}" in run.log
    assert line in report_of(workspace).replace("\\", "")


def test_bad_pokemondb_card_is_in_log_and_report(troubled):
    workspace, run, _ = troubled
    for line in (
        "record 6 is left out: {}: Charizard has no number",
        "record 7 is left out: {}: a card without a name",
    ):
        assert f"pokemondb: {line.format(pokemondb.NATIONAL)}" in run.log
        assert line.format(pokemondb.NATIONAL) in report_of(workspace).replace("\\", "")


def test_missing_names_are_a_warning(troubled):
    workspace, run, _ = troubled
    assert "pokeapi lacks 8 of its names" in run.log
    assert "| pokeapi | 392 | 8 | yes |" in report_of(workspace)


def test_disagreements_are_reported_by_species(troubled):
    workspace, run, _ = troubled
    report = report_of(workspace)
    assert "| 5 | name | Charmeleon | Charmelion \\| \\<b\\> |" in report
    assert "| 6 | listing | Charizard | — |" in report
    assert "| 11 | listing | — | Metapod |" in report
    assert "| 42 | listing | Golbat | — |" in report
    assert "| 83 | spelling | Farfetch’d | Farfetch'd |" in report
    assert "| 153 | generation | 2 | 9 |" in report
    assert "| 401 | listing | — | Kricketot |" in report
    assert "| 150 |" not in report
    assert "disagreements, see reports/name_sources.md" in run.log


def test_retry_after_pauses_the_source(troubled):
    _, _, web = troubled
    first, second = web.requests[pokeapi.species_url(23)]
    asked = [when for url, times in web.requests.items() if url.startswith(pokeapi.SITE) for when in times]
    assert second - first >= 1
    # One more request was in flight.
    assert sum(first + 0.05 < when < first + 1 for when in asked) <= 1


def test_every_request_has_user_agent_and_contact(troubled):
    _, _, web = troubled
    assert set().union(*web.user_agents.values()) == {"herodex/0.1 (+me@example.org)"}


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (both(pages={pokeapi.list_url(0): give(503, b"")}), "it answered 503 Service Unavailable"),
        (both(pages={pokeapi.list_url(0): give(200, b"<p>Log in", HTML)}), "no JSON but 'text/html"),
        (
            both(pages={pokeapi.species_url(each.number): hang_up for each in FEW[:5]}),
            "of 30 records are missing",
        ),
        (both(pokeapi=FORBIDDEN), "robots.txt forbids it"),
    ],
    ids=["busy", "another page", "lost connection", "robots.txt"],
)
def test_failed_source_is_skipped_with_a_warning_and_the_next_gives_the_names(workspace, answers, reason):
    run, _ = crawl(workspace, answers)
    assert run.code == 0, run.log
    assert [row["name"] for row in rows_of(workspace)] == [each.name for each in FEW]
    assert rows_of(workspace)[0]["page_url"] == "https://pokemondb.net/pokedex/bulbasaur"
    (line,) = (line for line in run.log.splitlines() if line.startswith("pokeapi is skipped: "))
    assert reason in line
    assert "30 names from pokemondb" in run.log
    assert "| pokeapi | 0 |" in report_of(workspace) or "of 30 records" in reason
    assert "Traceback" not in run.log


def test_spent_budget_ends_a_source_without_missing_records(workspace):
    answers = both()
    first_page = f"{pokeapi.LIST}?limit=100&offset=0"
    other_came = threading.Event()

    def other(handler):
        answers[pokemondb.NATIONAL](handler)
        other_came.set()

    def late(handler):
        other_came.wait(20)
        answers[first_page](handler)

    # The budget suffices for pokemondb's page and for some of PokéAPI's many pages.
    run, _ = crawl(
        workspace,
        answers | {pokemondb.NATIONAL: other, first_page: late},
        **{"crawl.max_total_mb": 0.0185},
    )
    assert run.code == 0, run.log
    assert (
        "pokeapi is skipped: the crawl's budget was spent (crawl.max_minutes, crawl.max_total_mb)" in run.log
    )
    assert "30 names from pokemondb" in run.log


def test_source_with_accepted_terms_is_crawled_despite_robots_txt(workspace):
    run, web = crawl(workspace, both(pokeapi=FORBIDDEN), **{"crawl.accepted_terms": ["pokeapi"]})
    assert run.code == 0, run.log
    assert f"{pokeapi.SITE}/robots.txt" not in web.requests
    assert "The sources agree on all 30 species." in report_of(workspace)


def test_names_in_another_language_come_from_a_source_that_has_it(workspace):
    run, web = crawl(workspace, both(), **{"crawl.names.language": "fr"})
    assert run.code == 0, run.log
    assert rows_of(workspace)[0]["name"] == "Bulbasaureau"
    assert "pokemondb is skipped: it has no names in the language 'fr'" in run.log
    assert pokemondb.NATIONAL not in web.requests


def test_failed_crawl_keeps_old_names_and_the_next_one_requests_only_missing_pages(workspace):
    old = workspace.folder / "data/names/raw.csv"
    old.parent.mkdir(parents=True)
    old.write_text("what was there", encoding="utf-8")
    missing = {pokeapi.species_url(4): give(404, b"")}
    no_cards = give(200, b"nothing here", HTML)
    run, before = crawl(workspace, both(pages=missing, page=no_cards))
    assert run.code == 1
    assert "No source gave a complete list of names: pokeapi: " in run.log
    assert f"pokemondb: {pokemondb.NATIONAL}: it lists no species" in run.log
    assert "Traceback" not in run.log
    assert old.read_text(encoding="utf-8") == "what was there"

    run, web = crawl(workspace, both())
    assert run.code == 0, run.log
    assert "continuing an interrupted crawl of names" in run.log
    assert before.requests.keys() & web.requests.keys() == {pokeapi.species_url(4), pokemondb.NATIONAL}
    assert len(rows_of(workspace)) == 30
    assert not (workspace.folder / ".cache/crawl/names-live").exists()


def test_killed_crawl_repeats_only_the_request_in_flight(workspace):
    workspace.write_params(LIVE | {"crawl.per_host": 1})
    reached = threading.Event()

    def make_answers(web):
        def hold(handler):
            reached.set()
            web.hang(handler)

        record = pokeapi.give_json(pokeapi.record(FEW[19]))
        return both(pages={pokeapi.species_url(20): in_turn(hold, record)})

    with running_odd_web(make_answers) as web:
        with workspace.start(NAMES_THROUGH, web.proxy) as crawling:
            assert reached.wait(60)
            crawling.kill()
        assert not (workspace.folder / "data").exists()
        run = workspace.run(NAMES_THROUGH, web.proxy)
    assert run.code == 0, run.log
    assert [row["name"] for row in rows_of(workspace)] == [each.name for each in FEW]
    again = {url for url, times in web.requests.items() if len(times) > 1}
    assert again == {pokeapi.species_url(20)}
    assert max(map(len, web.requests.values())) == 2
