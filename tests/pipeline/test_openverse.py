"""The source Openverse against a replica of its API with faults."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from odd_web import Answer, OddWeb, by_parameter, give, in_turn, parameters_of, respond, running_odd_web
from replicas import openverse
from search_through import THROUGH, searches_in, write_live_params
from workspace import Run, Workspace

from crawlers.items import Search

PER_QUERY = 300
MALFORMED: list[Any] = [
    "a string",
    None,
    openverse.record(1, url=None),
    openverse.record(2, url=["https://images.test/2.jpg"]),
    openverse.record(3, license=""),
    {},
]
UNWANTED = [
    openverse.record(11, license="by-nc"),
    openverse.record(12, license="sampling+"),
    openverse.record(13, width=199),
    openverse.record(14, height=1),
    openverse.record(15, filetype="svg"),
    openverse.record(16, mature=True),
]
GOOD = [
    openverse.record(21, title="Two\r\nlines \x00 and a\ttab", creator=None, width=None, height=None),
    openverse.record(22, license="cc0", license_version="1.0", license_url=None, filetype="jpeg"),
]


def find(records: list[Any]) -> Answer:
    return respond(partial(openverse.search, records))


def answers(_: OddWeb) -> Mapping[str, Answer]:
    found = [find([openverse.record(number) for number in range(size)]) for size in (45, 21, 500)]
    page = found[1]
    truncated = give(
        200, b'{"result_count": 1, "results": [{"id": "4bc4', {"Content-Type": "application/json"}
    )
    html = give(200, b"<!doctype html><title>One moment</title>", {"Content-Type": "text/html"})
    body = openverse.search([openverse.record(1)], {})[1]
    words = {
        "three pages": found[0],
        "odd records": find([*MALFORMED, *UNWANTED, *GOOD]),
        "deep": found[2],
        "nothing": find([]),
        "allowance spent": give(*openverse.throttled(86_400)),
        "busy": in_turn(give(*openverse.throttled(1)), page),
        "stumbling": in_turn(give(500, b"oops"), page),
        "moved": give(301, b"", {"Location": f"{openverse.SEARCH}?q=target&page_size=20&page=1"}),
        "target": find([openverse.record(1)]),
        "html": html,
        "html once": in_turn(html, page),
        "down": give(503, b"", {"Content-Type": "text/plain"}),
        "as a file": give(200, body, {"Content-Type": "application/octet-stream"}),
        "a list": give(200, b"[]", {"Content-Type": "application/json"}),
        "as html": give(200, body, {"Content-Type": "text/html; charset=latin-1"}),
        "half": by_parameter("page", {"1": page, "2": truncated}),
    }
    return {
        openverse.ROBOTS_URL: give(200, openverse.ROBOTS),
        openverse.SEARCH: by_parameter("q", words),
    }


QUERIES = [
    "three-pages", "odd-records", "deep", "nothing", "busy", "stumbling", "moved",
    "html", "html-once", "down", "as-a-file", "a-list", "as-html", "allowance-spent", "target", "half",
]  # fmt: skip


def run(workspace: Workspace) -> tuple[OddWeb, Run]:
    with running_odd_web(answers) as web:
        return web, workspace.run(THROUGH, "openverse", web.proxy)


@pytest.fixture(scope="module")
def searched(workspace_factory: Callable[[], Workspace]) -> tuple[OddWeb, dict[str, Search], str]:
    """The web with its requests, the searches by query, and the log."""
    workspace = workspace_factory()
    write_live_params(workspace, QUERIES, PER_QUERY, {"crawl.accepted_terms": ["openverse"]})
    web, done = run(workspace)
    assert done.code == 0, done.log
    return web, searches_in(done.output), done.log


def asked(web: OddWeb, words: str) -> list[dict[str, str]]:
    """Return the parameters of the requests for `words`."""
    parameters = [(parameters_of(url), len(times)) for url, times in web.requests.items()]
    return [each for each, times in parameters if each.get("q") == words for _ in range(times)]


def test_every_page_is_requested_once_and_every_result_kept_in_order(searched):
    web, searches, _ = searched
    assert [parameters["page"] for parameters in asked(web, "three pages")] == ["1", "2", "3"]
    results = searches["three-pages"].results
    assert [(result.rank, result.title) for result in results] == [
        (number + 1, f"Title {number}") for number in range(45)
    ]
    assert (results[0].source, results[0].query) == ("openverse", "three-pages")


def test_request_has_licenses_types_and_the_largest_page_size(searched):
    first = asked(searched[0], "three pages")[0]
    assert (first["license"], first["extension"], first["mature"], first["page_size"]) == (
        "cc0,by,by-sa",
        "jpg,png,webp,jpeg",
        "false",
        "20",
    )


def test_result_has_its_provenance(searched):
    result = searched[1]["three-pages"].results[7]
    assert (result.image_url, result.page_url, result.author, result.license, result.license_url) == (
        "https://live.staticflickr.com/7_b.jpg",
        "https://www.flickr.com/photos/someone/7",
        "Creator 7",
        "CC BY-SA 2.0",
        "https://creativecommons.org/licenses/by-sa/2.0/",
    )


def test_good_records_are_kept_and_bad_ones_reported(searched):
    _, searches, log = searched
    search = searches["odd-records"]
    first_good = len(MALFORMED) + len(UNWANTED) + 1
    assert [(result.rank, result.title, result.author, result.license) for result in search.results] == [
        (first_good, "Two lines and a tab", "", "CC BY-SA 2.0"),
        (first_good + 1, "Title 22", "Creator 22", "CC0 1.0"),
    ]
    assert search.unwanted == len(UNWANTED)
    assert len(search.faults) == len(MALFORMED)
    for place, fault in enumerate(search.faults, start=1):
        assert fault.startswith(f"result {place} is malformed")
        assert f"odd-records: {fault}" in log


def test_no_page_beyond_the_api_limit_is_requested(searched):
    web, searches, _ = searched
    assert len(asked(web, "deep")) == openverse.MOST_IN_ALL // openverse.MOST_A_PAGE
    assert (len(searches["deep"].results), searches["deep"].error) == (openverse.MOST_IN_ALL, "")


def test_search_without_results_is_no_failure(searched):
    assert searched[1]["nothing"] == Search("openverse", "nothing")


def test_throttled_request_waits_for_retry_after(searched):
    web, searches, _ = searched
    first_page = next(url for url in web.requests if parameters_of(url).get("q") == "busy")
    first, second = web.requests[first_page]
    assert second - first >= 1
    assert (len(searches["busy"].results), searches["busy"].error) == (21, "")


def test_spent_daily_quota_is_not_waited_for(searched):
    web, searches, _ = searched
    assert searches["allowance-spent"].error.startswith("it answered 429 ")
    assert len(asked(web, "allowance spent")) == 1


@pytest.mark.parametrize("query", ["stumbling", "html-once"])
def test_single_failure_is_retried(searched, query):
    web, searches, _ = searched
    assert [parameters["page"] for parameters in asked(web, query.replace("-", " "))] == ["1", "1", "2"]
    assert (len(searches[query].results), searches[query].error) == (21, "")


def test_redirect_is_followed(searched):
    assert [result.title for result in searched[1]["moved"].results] == ["Title 1"]


@pytest.mark.parametrize("query", ["as-a-file", "as-html"])
def test_json_is_read_with_any_content_type(searched, query):
    assert [result.title for result in searched[1][query].results] == ["Title 1"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("html", "a page cannot be read: it is no JSON (Expecting value"),
        ("a-list", "a page cannot be read: it is no JSON object"),
        ("down", "it answered 503 Service Unavailable"),
    ],
)
def test_lasting_failure_is_reported_and_stops_no_other_search(searched, query, error):
    web, searches, _ = searched
    assert searches[query].error.startswith(error)
    assert len(asked(web, query.replace("-", " "))) == 2
    assert list(searches) == QUERIES


def test_results_before_a_truncated_page_are_kept(searched):
    half = searched[1]["half"]
    assert len(half.results) == 20
    assert half.error.startswith("a page cannot be read: it is no JSON (Unterminated string")


def test_every_request_has_the_user_agent(searched):
    agents = set().union(*searched[0].user_agents.values())
    assert agents == {"herodex/0.1 (+crawler@example.org)"}


def test_continued_search_repeats_only_unreadable_pages(workspace):
    accepted = {
        "crawl.accepted_terms": ["openverse"],
        "classes": ["three-pages", "html-once"],
        "crawl.retries": 0,
    }
    write_live_params(workspace, QUERIES, PER_QUERY, accepted)
    with running_odd_web(answers) as web:
        first, second = (searches_in(workspace.run(THROUGH, "openverse", web.proxy).output) for _ in range(2))
    assert first["html-once"].error
    assert (len(second["html-once"].results), second["html-once"].error) == (21, "")
    assert first["three-pages"] == second["three-pages"]
    assert len(asked(web, "three pages")) == 3


def test_source_without_accepted_terms_is_skipped_with_a_warning(workspace):
    write_live_params(workspace, QUERIES, PER_QUERY, {})
    web, done = run(workspace)
    assert done.code == 0
    assert list(web.requests) == [openverse.ROBOTS_URL]
    searches = searches_in(done.output)
    assert list(searches) == QUERIES
    assert all("robots.txt forbids it" in search.error for search in searches.values())
    assert "openverse is skipped: robots.txt forbids it" in done.log
