"""The source Bing against a replica of its page with faults, in a real browser."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from odd_web import Answer, OddWeb, by_parameter, give, in_turn, parameters_of, respond, running_odd_web
from replicas import bing
from search_through import THROUGH, searches_in, write_live_params
from workspace import Run, Workspace

from crawlers.items import Search

PER_QUERY = 20
MANY = [bing.result(bing.data(number)) for number in range(40)]
FEW = MANY[:9]
MALFORMED = [
    "no JSON",
    "",
    "[]",
    '{"murl": "https://images.test/1.jpg"',
    bing.data(4, murl=None),
    bing.data(5, murl=["https://images.test/5.jpg"]),
]
ODD = [
    *map(bing.result, MALFORMED),
    bing.result(bing.data(11), "150 x 800 · jpeg"),
    bing.result(bing.data(12), "1200 x 800 · svg"),
    bing.result(bing.data(21, t="The \ue000Hero\ue001\u200b and\n friends", purl=7), ""),
    bing.result(bing.data(22, murl="http://images.test/22.png"), "900×700 · png"),
    *MANY[: PER_QUERY - 10],
]
QUERIES = ["many-results", "odd-results", "hanging", "few-results", "broken-once"]


def answers(web: OddWeb) -> Mapping[str, Answer]:
    results = {
        "many results": MANY,
        "odd results": ODD,
        "few results": FEW,
        "broken once": MANY,
    }
    pages = {query: respond(partial(bing.page, found)) for query, found in results.items()}
    faults = {
        "hanging": web.hang,
        "broken once": in_turn(
            give(500, b"<h1>Our services aren't available right now</h1>"), pages["broken once"]
        ),
    }
    return {
        bing.ROBOTS_URL: give(200, bing.ROBOTS),
        bing.SEARCH: by_parameter("q", pages | faults),
        bing.MORE: by_parameter(
            "q", {query: respond(partial(bing.more, found)) for query, found in results.items()}
        ),
    }


def run(workspace: Workspace, **changes: Any) -> tuple[OddWeb, Run]:
    write_live_params(workspace, QUERIES, PER_QUERY, {"crawl.timeout_s": 2, **changes})
    with running_odd_web(answers) as web:
        return web, workspace.run(THROUGH, "bing", web.proxy)


@pytest.fixture(scope="module")
def searched(workspace_factory: Callable[[], Workspace]) -> tuple[OddWeb, dict[str, Search], str]:
    """The web with its requests, the searches by query, and the log."""
    web, done = run(workspace_factory(), **{"crawl.accepted_terms": ["bing"]})
    assert done.code == 0, done.log
    return web, searches_in(done.output), done.log


def asked(web: OddWeb, address: str, query: str) -> list[dict[str, str]]:
    """Return the parameters of the requests for `query`."""
    requests = [
        (parameters_of(url), len(times)) for url, times in web.requests.items() if url.startswith(address)
    ]
    return [
        each for each, times in requests if each.get("q") == query.replace("-", " ") for _ in range(times)
    ]


def test_scrolling_and_clicking_load_enough_results(searched):
    web, searches, _ = searched
    assert [result.title for result in searches["many-results"].results] == [
        f"Title {number}" for number in range(PER_QUERY)
    ]
    first_of_batches = [int(parameters["first"]) for parameters in asked(web, bing.MORE, "many-results")]
    assert first_of_batches == [7, 11, 15, 19]  # two scrolls, two clicks


def test_adult_results_are_excluded(searched):
    assert asked(searched[0], bing.SEARCH, "many-results") == [
        {"q": "many results", "first": "1", "adlt": "strict"}
    ]


def test_result_has_its_provenance(searched):
    result = searched[1]["many-results"].results[7]
    assert (result.source, result.rank, result.image_url, result.page_url) == (
        "bing",
        8,
        "https://images.test/7.jpg",
        "https://blog.test/post/7",
    )
    assert (result.author, result.license, result.license_url) == ("", "", "")


def test_page_that_stops_loading_gives_its_results(searched):
    search = searched[1]["few-results"]
    assert (len(search.results), search.error) == (len(FEW), "")


def test_good_results_are_kept_and_bad_ones_reported(searched):
    _, searches, log = searched
    search = searches["odd-results"]
    assert [
        (result.rank, result.title, result.image_url, result.page_url) for result in search.results[:2]
    ] == [
        (9, "The Hero and friends", "https://images.test/21.jpg", ""),
        (10, "Title 22", "http://images.test/22.png", "https://blog.test/post/22"),
    ]
    assert (len(search.results), search.unwanted) == (PER_QUERY - 8, 2)
    assert [fault.split(" and ")[0] for fault in search.faults] == [
        f"result {place} is malformed" for place in range(1, len(MALFORMED) + 1)
    ]
    assert all(f"odd-results: {fault}" in log for fault in search.faults)


def test_hanging_page_is_reported_and_stops_no_other_search(searched):
    _, searches, _ = searched
    assert "timeout" in searches["hanging"].error
    assert list(searches) == QUERIES


def test_page_that_is_broken_once_is_retried(searched):
    search = searched[1]["broken-once"]
    assert (len(search.results), search.error) == (PER_QUERY, "")


def test_source_without_accepted_terms_is_skipped_with_a_warning(workspace):
    web, done = run(workspace)
    assert done.code == 0
    assert list(web.requests) == [bing.ROBOTS_URL]
    searches = searches_in(done.output)
    assert list(searches) == QUERIES
    assert all("robots.txt forbids it" in search.error for search in searches.values())
    assert "bing is skipped: robots.txt forbids it" in done.log
