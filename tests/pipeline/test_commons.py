"""The source Wikimedia Commons against a replica of its API with faults."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from odd_web import Answer, OddWeb, by_parameter, give, in_turn, parameters_of, respond, running_odd_web
from replicas import commons
from search_through import THROUGH, searches_in, write_live_params
from workspace import Run, Workspace

from crawlers.items import Search

PER_QUERY = 60
LARGE: dict[str, Any] = {
    "width": 4000,
    "height": 3000,
    "thumburl": f"{commons.FILES}/thumb/a/ab/Hero_31.jpg/960px-Hero_31.jpg",
    "thumbwidth": 960,
    "thumbheight": 720,
}
MALFORMED: list[Any] = [
    commons.page(1) | {"imageinfo": []},
    commons.page(2) | {"imageinfo": "none"},
    {"pageid": 3, "ns": 6, "title": "File:Without details.jpg", "missing": True},
    commons.page(4, url=None),
    commons.page(5, **LARGE | {"thumburl": 5, "url": ""}),
]
UNWANTED = [
    commons.page(11, {"License": "gfdl", "LicenseShortName": "GFDL"}),
    commons.page(12, {"License": "pd", "LicenseShortName": "Public domain"}),
    commons.page(13, extmetadata=[]),
    commons.page(14, mime="image/tiff"),
    commons.page(15, width=150),
    commons.page(16, **LARGE | {"height": 400, "thumbheight": 96}),
]
GOOD = [
    commons.page(31, **LARGE),
    commons.page(32, {"Artist": "<style>.a{}</style><p>Ada &amp;\n<b>C</b>o.</p>", "ObjectName": ""}),
    commons.page(33, {"License": "", "LicenseShortName": "CC BY 2.0 fr", "LicenseUrl": ""}),
    commons.page(34, {"License": "cc0", "LicenseShortName": "CC0"}),
]


RIGHT = {
    "action": "query", "format": "json", "formatversion": "2", "generator": "search", "prop": "imageinfo",
    "gsrlimit": "50",
}  # fmt: skip
JSON = {"Content-Type": "application/json"}


def find(pages: list[Any]) -> Answer:
    return respond(partial(commons.search, pages))


def answers(_: OddWeb) -> Mapping[str, Answer]:
    many = find([commons.page(number) for number in range(55)])
    one = commons.search([commons.page(1)], RIGHT)
    astray = {"batchcomplete": True, "query": {"pages": [commons.page(1)]}, "continue": "further"}
    found = {
        "two-pages": many,
        "odd-records": find([*MALFORMED, *UNWANTED, *GOOD, "no page"]),
        "in-parts": respond(partial(commons.search_in_parts, [commons.page(number) for number in range(4)])),
        "nothing": find([]),
        "all-unwanted": find([UNWANTED[0]] * 2000),
        "lagging": give(*commons.lagging(0)),
        "lagging-once": in_turn(give(*commons.lagging(1)), give(*one)),
        "failing": give(*commons.error("internal_api_error_DBQueryError", "[a1b2] Caught exception")),
        "stumbling": in_turn(give(502, b"oops"), many),
        "html": give(200, b"<!DOCTYPE html><title>Wikimedia Error</title>", {"Content-Type": "text/html"}),
        "busy": in_turn(give(429, b"Too Many Requests", {"Retry-After": "1"}), give(*one)),
        "truncated": give(200, one[1][:-200], JSON),
        "moved": give(307, b"", {"Location": f"{commons.SEARCH}?gsrsearch=filetype:bitmap+%22target%22"}),
        "astray": give(*commons.reply(astray)),
        "as-a-file": give(200, one[1], {"Content-Type": "image/png"}),
        "a-map": give(*commons.reply({"batchcomplete": True, "query": {"pages": {"1": commons.page(1)}}})),
        "target": give(*one),
        "no-answer": give(*commons.reply({})),
    }
    searches = {f'filetype:bitmap "{query.replace("-", " ")}"': answer for query, answer in found.items()}
    return {
        commons.ROBOTS_URL: give(200, commons.ROBOTS),
        commons.SEARCH: by_parameter("gsrsearch", searches),
    }


# Two failures in a row end the whole source, so failing queries alternate with working ones.
QUERIES = [
    "two-pages", "odd-records", "in-parts", "nothing", "all-unwanted", "lagging", "lagging-once", "failing",
    "stumbling", "html", "busy", "truncated", "moved", "astray", "as-a-file", "a-map", "target", "no-answer",
]  # fmt: skip


def run(workspace: Workspace, **changes: Any) -> tuple[OddWeb, Run]:
    write_live_params(workspace, QUERIES, PER_QUERY, changes)
    with running_odd_web(answers) as web:
        return web, workspace.run(THROUGH, "commons", web.proxy)


@pytest.fixture(scope="module")
def searched(workspace_factory: Callable[[], Workspace]) -> tuple[OddWeb, dict[str, Search], str]:
    """The web with its requests, the searches by query, and the log."""
    web, done = run(workspace_factory(), **{"crawl.accepted_terms": ["commons"]})
    assert done.code == 0, done.log
    return web, searches_in(done.output), done.log


def asked(web: OddWeb, query: str) -> list[tuple[float, dict[str, str]]]:
    """Return the times and the parameters of the requests for a query."""
    search = f'filetype:bitmap "{query.replace("-", " ")}"'
    requests = [(times, parameters_of(url)) for url, times in web.requests.items()]
    return sorted(
        ((time, each) for times, each in requests if each.get("gsrsearch") == search for time in times),
        key=lambda request: request[0],
    )


def test_every_page_is_requested_once_and_files_kept_in_search_order(searched):
    web, searches, _ = searched
    assert [parameters.get("gsroffset") for _, parameters in asked(web, "two-pages")] == [None, "50"]
    results = searches["two-pages"].results
    assert [(result.rank, result.title) for result in results] == [
        (number + 1, f"Hero {number}") for number in range(55)
    ]
    assert (results[0].source, results[0].query) == ("commons", "two-pages")


def test_request_has_maxlag_and_limits(searched):
    _, first = asked(searched[0], "two-pages")[0]
    assert (first["maxlag"], first["gsrlimit"], first["gsrnamespace"]) == ("5", "50", "6")


def test_file_has_its_provenance(searched):
    result = searched[1]["two-pages"].results[7]
    assert (result.image_url, result.page_url, result.author, result.license, result.license_url) == (
        f"{commons.FILES}/a/ab/Hero_7.jpg",
        "https://commons.wikimedia.org/wiki/File:Hero_7.jpg",
        "U7",
        "CC BY-SA 4.0",
        "https://creativecommons.org/licenses/by-sa/4.0",
    )


def test_good_files_are_kept_and_bad_ones_reported(searched):
    _, searches, log = searched
    search = searches["odd-records"]
    first = len(MALFORMED) + len(UNWANTED) + 1
    assert [
        (result.rank, result.image_url.rpartition("/")[2], result.title, result.author, result.license)
        for result in search.results
    ] == [
        (first, "960px-Hero_31.jpg", "Hero 31", "U31", "CC BY-SA 4.0"),
        (first + 1, "Hero_32.jpg", "Hero 32", "Ada & Co.", "CC BY-SA 4.0"),
        (first + 2, "Hero_33.jpg", "Hero 33", "U33", "CC BY 2.0 FR"),
        (first + 3, "Hero_34.jpg", "Hero 34", "U34", "CC0 1.0"),
    ]
    assert search.results[2].license_url == "https://creativecommons.org/licenses/by/2.0/fr/"
    assert search.unwanted == len(UNWANTED)
    assert [fault.split(" and ")[0] for fault in search.faults] == [
        *(f"result {place} is malformed" for place in range(1, len(MALFORMED) + 1)),
        f"result {first + len(GOOD)} is malformed",  # it has no index, so it comes last
    ]
    assert all(f"odd-records: {fault}" in log for fault in search.faults)


def test_details_split_over_two_answers_are_complete(searched):
    search = searched[1]["in-parts"]
    assert [result.title for result in search.results] == [f"Hero {number}" for number in range(4)]
    assert search.faults == ()


def test_search_without_results_is_no_failure(searched):
    assert searched[1]["nothing"] == Search("commons", "nothing")


def test_search_without_wanted_results_ends_before_the_last_page(searched):
    web, searches, _ = searched
    assert len(asked(web, "all-unwanted")) == 12
    assert searches["all-unwanted"] == Search("commons", "all-unwanted", unwanted=10 * PER_QUERY)


@pytest.mark.parametrize("query", ["lagging-once", "busy"])
def test_retry_waits_for_retry_after(searched, query):
    web, searches, _ = searched
    (first, _), (second, _) = asked(web, query)
    assert second - first >= 1
    assert [result.title for result in searches[query].results] == ["Hero 1"]


def test_single_failure_is_retried(searched):
    web, searches, _ = searched
    assert len(asked(web, "stumbling")) == 3
    assert (len(searches["stumbling"].results), searches["stumbling"].error) == (55, "")


def test_redirect_is_followed(searched):
    assert [result.title for result in searched[1]["moved"].results] == ["Hero 1"]


def test_json_is_read_with_any_content_type(searched):
    assert [result.title for result in searched[1]["as-a-file"].results] == ["Hero 1"]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("lagging", "it answered 503 Service Unavailable"),
        ("failing", "a page cannot be read: it is an error: internal_api_error_DBQueryError, [a1b2] Caught"),
        ("html", "a page cannot be read: it is no JSON (Expecting value"),
        ("truncated", "a page cannot be read: it is no JSON ("),
        ("a-map", "a page cannot be read: it has no list of pages"),
        ("no-answer", "a page cannot be read: it is no answer to a query"),
    ],
)
def test_lasting_failure_is_reported_and_stops_no_other_search(searched, query, error):
    web, searches, _ = searched
    assert searches[query].error.startswith(error)
    assert len(asked(web, query)) == 2
    assert list(searches) == QUERIES


def test_results_before_a_malformed_continue_are_kept(searched):
    astray = searched[1]["astray"]
    assert [result.title for result in astray.results] == ["Hero 1"]
    assert astray.error == "a page cannot be read: its field continue is malformed"


def test_source_without_accepted_terms_is_skipped_with_a_warning(workspace):
    web, done = run(workspace)
    assert done.code == 0
    assert list(web.requests) == [commons.ROBOTS_URL]
    searches = searches_in(done.output)
    assert list(searches) == QUERIES
    assert all("robots.txt forbids it" in search.error for search in searches.values())
    assert "commons is skipped: robots.txt forbids it" in done.log
