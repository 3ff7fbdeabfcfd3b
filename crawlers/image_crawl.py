"""Crawl images: search all sources, merge their results, then download the images."""

import logging
from collections.abc import Container, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from crawlers.browser import Browser, browser_arguments, find_browser
from crawlers.forgotten import clear_rows, settings_identity
from crawlers.items import Download, ImageRecord, Search, SearchResult
from crawlers.journal import Journal, identity
from crawlers.manifest import record_of
from crawlers.merge import merge
from crawlers.public_proxy import running_public_proxy
from crawlers.run import Job, run_spiders, spider_settings, user_agent
from crawlers.sources import IMAGE_SOURCES
from crawlers.spiders.images import ImagesSpider
from crawlers.spiders.search import SearchSpider, Wanted
from crawlers.web import DEMO_WEB, LIVE_WEB
from herodex.forgotten_list import read_forgotten
from herodex.params import Params

log = logging.getLogger(__name__)

Searches = dict[tuple[str, str], Search]
"""Searches by source and query."""


def crawl(
    params: Params, proxy: str | None, journal: Journal, pace: Mapping[str, Any] | None = None
) -> tuple[list[Search], list[ImageRecord]]:
    """Search all sources for every query and download the images.

    Args:
        params: the queries and sources, and how to crawl them.
        proxy: the URL of the proxy that plays the web; None to crawl the live web itself.
        journal: stores searches and downloads; those of earlier processes are not repeated.
        pace: Scrapy settings that override those derived from `params`.

    Returns:
        the searches, and the rows of the manifest in their order.

    Raises:
        UserError: the crawl ended early. Its progress is in the journal.
    """
    sources = sources_of(params)
    searches: Searches = {}
    forgotten = read_forgotten()

    def download_jobs() -> list[Job]:
        results = merged(searches, params)
        done = journal.downloads()
        arguments = {"results": results, "done": done, "journal": journal, "forgotten": forgotten}
        return [download_job(arguments)] if unfinished(results, done) else []

    with ExitStack() as running:
        # One after another, so that a browser's proxy is started before the spiders.
        jobs = [search_jobs(source, params, journal, searches, proxy, running) for source in sources]
        run_spiders(
            spider_settings(params.crawl, proxy) | dict(pace or {}),
            [lambda: [job for of_source in jobs for job in of_source], download_jobs],
        )
    records = rows_of(merged(searches, params), journal.downloads(), params)
    return clear_rows(in_order(searches, params), records, forgotten)


def search_jobs(
    source: type[SearchSpider],
    params: Params,
    journal: Journal,
    searches: Searches,
    proxy: str | None,
    running: ExitStack,
) -> list[Job]:
    """Make the job that searches one source, or none if an earlier process completed its searches.

    Args:
        source: its spider.
        params: the queries, and how to crawl.
        journal: stores the searches.
        searches: gets those of earlier processes at once, and those of the job as they end.
        proxy: the URL of the proxy that plays the web; None to crawl the live web itself.
        running: keeps the browser's own proxy until the crawl ends.
    """
    wanted = wanted_of(params)
    forgotten = read_forgotten()
    # A search from before a change of the list is repeated, from its cached pages.
    asked = identity([asdict(wanted), *settings_identity(forgotten)])
    searches |= remembered(journal, [source.name], params.queries, asked)
    left = [query for query in params.queries if (source.name, query) not in searches]
    if not left:
        return []

    def keep(search: Search) -> None:
        searches[search.source, search.query] = search
        journal.keep_search(search, asked)

    arguments: dict[str, Any] = {
        "queries": left,
        "wanted": wanted,
        "journal": journal,
        "terms_accepted": source.name in params.crawl.accepted_terms,
        "forgotten": forgotten,
    }
    own: dict[str, Any] = {}
    if source.needs_browser:
        browser = find_browser()
        own = browser_settings(browser, params, proxy or running.enter_context(running_public_proxy()))
    return [Job(source, arguments, keep, own)]


def download_job(arguments: Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Job:
    """Make the job that downloads images by these arguments of its spider."""
    return Job(ImagesSpider, arguments, lambda _: None, settings or {})


def unfinished(results: Sequence[SearchResult], done: Container[str]) -> list[SearchResult]:
    """Return the results whose URLs are not done."""
    return [result for result in results if result.image_url not in done]


def rows_of(
    results: Sequence[SearchResult], downloads: Mapping[str, Download], params: Params
) -> list[ImageRecord]:
    """Return the rows of the manifest in their order."""
    return [
        record_of(result, downloads.get(result.image_url), params.label_of(result.query))
        for result in results
    ]


def in_order(searches: Searches, params: Params) -> list[Search]:
    """Return the searches by source and query, whichever ended first."""
    pairs = [(source.name, query) for source in sources_of(params) for query in params.queries]
    return [searches[pair] for pair in pairs if pair in searches]


def sources_of(params: Params) -> list[type[SearchSpider]]:
    """Return the spiders of the sources, in the order of preference."""
    names = params.crawl.images.sources if params.crawl.web == LIVE_WEB else [DEMO_WEB]
    return [IMAGE_SOURCES[name] for name in names]


def wanted_of(params: Params) -> Wanted:
    """Return the limits and filters of each search."""
    images = params.crawl.images
    return Wanted(images.per_query, tuple(images.licenses), tuple(images.types), images.min_side)


def remembered(journal: Journal, sources: Sequence[str], queries: Sequence[str], asked: str) -> Searches:
    """Return the searches that an earlier process completed."""
    pairs = [(source, query) for source in sources for query in queries]
    found = {pair: journal.search(*pair, asked) for pair in pairs}
    return {pair: search for pair, search in found.items() if search}


def merged(searches: Searches, params: Params) -> list[SearchResult]:
    """Merge the results of all sources for every query, in the manifest's order."""
    images = params.crawl.images
    names = [source.name for source in sources_of(params)]
    return [
        result
        for query in params.queries
        for result in merge(
            [searches.get((name, query), Search(name, query)) for name in names],
            images.per_query,
            images.largest_share,
        )
    ]


def browser_settings(browser: Browser, params: Params, proxy: str) -> dict[str, Any]:
    """Return scrapy-selenium's settings that start Chromium."""
    return {
        "SELENIUM_DRIVER_NAME": "chrome",
        "SELENIUM_DRIVER_EXECUTABLE_PATH": str(browser.driver),
        "SELENIUM_BROWSER_EXECUTABLE_PATH": str(browser.executable),
        "SELENIUM_DRIVER_ARGUMENTS": browser_arguments(user_agent(params.crawl), proxy),
    }
