"""Crawl images in several processes that share a folder: searches, shards of hosts, and their merge.

1. `search` asks the sources, and writes the results of each to a file.
2. `download` asks the hosts of some shards (see `crawlers.shards`); each shard has its own journal.
3. `merge` collects the journals, downloads what is left, and writes the stage's outputs.

The outputs are those of one process. The choice among the results depends on the searches alone, so all
processes make the same one. The merge runs after all others and downloads the rest: images that redirect to a
host of another shard, and images for which the shard's part of the budget is too small.
"""

import json
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from crawlers.feedback import add_feedback
from crawlers.forgotten import clear_rows, clear_search
from crawlers.image_crawl import (
    Searches,
    download_job,
    in_order,
    merged,
    rows_of,
    search_jobs,
    sources_of,
    unfinished,
)
from crawlers.items import FOLDER, Download, ImageRecord, Search, SearchResult, Status
from crawlers.journal import (
    BYTES,
    SECONDS,
    InUseError,
    Journal,
    discard_journal,
    identity,
    open_journal,
    search_from,
)
from crawlers.json_object import read_object
from crawlers.manifest import count_statuses
from crawlers.run import Job, run_spiders, spider_settings
from crawlers.scrape_images import OUTPUTS, STAGE, check_counts, report_end, write_outputs
from crawlers.settings import CONCURRENT_REQUESTS
from crawlers.shards import by_shard, listed, parse_shards
from crawlers.snapshot import Settings, differing, image_settings, record_snapshot
from crawlers.sources_report import counted, sources_report
from crawlers.state import state_folder
from crawlers.web import LIVE_WEB, check_web, may_crawl_live
from demo_web.server import running_web
from herodex.errors import UserError
from herodex.forgotten_list import read_forgotten
from herodex.params import Params, load_params

log = logging.getLogger(__name__)

OpenWeb = Callable[[], AbstractContextManager[str | None]]
"""Start the web; the value is the URL of the proxy that plays it, or None for the live web itself."""

_COMPLETE = "complete with"
_BUDGETS = {"crawl.max_total_mb", "crawl.max_minutes"}


@dataclass(frozen=True)
class Lists:
    """The searches of all sources, and what they cost.

    Attributes:
        searches: by source and query.
        pages: URLs of fetched pages; their hosts have answered.
        size: received bytes.
        seconds: of the source that took longest, as sources are searched at once.
    """

    searches: Searches
    pages: Sequence[str]
    size: float
    seconds: float


def main(sources: Sequence[str] | None, shards: str | None) -> None:
    """Search these sources (all if the list is empty), download these shards, or merge.

    Raises:
        UserError: the crawl is none of several processes, or it ended early.
    """
    params = load_params()
    check_web(params)
    check_shareable(params)

    def open_web() -> AbstractContextManager[str | None]:
        return nullcontext() if params.crawl.web == LIVE_WEB else running_web(params)

    if sources is not None:
        search(params, sources, open_web)
    elif shards is not None:
        download(params, parse_shards(shards, params.scale.crawl_shards), open_web)
    else:
        finish(params, merge(params, open_web))


def check_shareable(params: Params) -> None:
    """Check that several processes can share the crawl.

    Raises:
        UserError: its images are read from a folder, or the live web may not be crawled now.
    """
    if params.crawl.images.sources == [FOLDER]:
        raise UserError(
            "crawl.images.sources in params.yaml is [folder], which one process reads without any download.",
            "Run 'herodex crawl' without options.",
        )
    if params.crawl.web == LIVE_WEB and not may_crawl_live():
        raise UserError(
            "crawl.web in params.yaml is 'live', and HERODEX_LIVE is not 1.",
            "Set HERODEX_LIVE=1 to crawl the live web now.",
        )


def folder_of(params: Params) -> Path:
    """Return the folder that all processes of the crawl share."""
    state = state_folder(params)
    return state.with_name(f"{state.name}-{params.scale.crawl_shards}-shards")


def settings_of(params: Params) -> Settings:
    """List the settings that all processes of the crawl need to have in common."""
    settings = {key: value for key, value in image_settings(params).items() if key not in _BUDGETS}
    return json.loads(json.dumps({"crawl.web": params.crawl.web, **settings}))


def search(
    params: Params, names: Sequence[str], open_web: OpenWeb, pace: Mapping[str, Any] | None = None
) -> None:
    """Search some sources, or all, for every query, and write their results for the shards.

    Searches of earlier processes are not repeated unless they failed.

    Raises:
        UserError: a name is no source of this crawl, or the crawl ended early.
    """
    sources = {source.name: source for source in sources_of(params)}
    if unknown := [name for name in names if name not in sources]:
        raise UserError(
            f"'{unknown[0]}' is no source of this crawl.", f"Its sources are {', '.join(sources)}."
        )
    chosen = [sources[name] for name in names or sources]
    searches: Searches = {}
    budget = {"CRAWL_MAX_BYTES": params.crawl.max_total_mb * 1_000_000 / len(sources)}
    with ExitStack() as running:
        proxy = running.enter_context(open_web())
        journals = {
            source.name: running.enter_context(open_journal(searches_of(source.name, params), on_volume=True))
            for source in chosen
        }
        jobs = [
            job
            for source in chosen
            for job in search_jobs(source, params, journals[source.name], searches, proxy, running)
        ]
        if jobs:
            run_spiders(spider_settings(params.crawl, proxy) | budget | dict(pace or {}), [lambda: jobs])
        for source in chosen:
            own = [each for each in in_order(searches, params) if each.source == source.name]
            write_list(params, source.name, own, journals[source.name])


def searches_of(source: str, params: Params) -> Path:
    """Return the folder of the journal of a source's searches; `write_list` writes beside it."""
    return folder_of(params) / "searches" / source


def write_list(params: Params, source: str, searches: Sequence[Search], journal: Journal) -> None:
    """Write the searches of a source and what they cost to a file, and log the failed ones."""
    content = {
        "settings": settings_of(params),
        "searches": [asdict(each) for each in searches],
        "pages": journal.page_urls(),
        "size": journal.total(BYTES),
        "seconds": journal.total(SECONDS),
    }
    file = searches_of(source, params).with_suffix(".json")
    partial = file.with_suffix(".part")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(file)
    results = sum(len(each.results) for each in searches)
    log.info("%s: %s, queries: %d", source, counted(results, "result"), len(searches))
    for each in searches:
        if each.error:
            log.warning("%s: the search for '%s' failed: %s", source, each.query, each.error)


def read_lists(params: Params) -> Lists:
    """Read the searches of all sources.

    Raises:
        UserError: those of a source are missing, or were made with other settings.
    """
    lists = [read_list(params, source.name) for source in sources_of(params)]
    forgotten = read_forgotten()
    searches = [clear_search(search_from(fields), forgotten) for each in lists for fields in each["searches"]]
    return Lists(
        {(each.source, each.query): each for each in searches},
        [url for each in lists for url in each["pages"]],
        sum(each["size"] for each in lists),
        max(each["seconds"] for each in lists),
    )


def read_list(params: Params, source: str) -> dict[str, Any]:
    """Read the searches of one source and what they cost.

    Raises:
        UserError: they are missing, or were made with other settings.
    """
    file = searches_of(source, params).with_suffix(".json")
    again = f"Run 'herodex crawl --search {source}'"
    try:
        found = read_object(file.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"The searches of {source} are missing: there is no {file}.", f"{again} first."
        ) from None
    if changed := differing(settings_of(params), found["settings"]):
        raise UserError(
            f"The searches of {source} were made with other settings: {', '.join(changed)} changed in "
            "params.yaml.",
            f"{again} to search with these settings, or change them back.",
        )
    return found


def download(
    params: Params, numbers: Sequence[int], open_web: OpenWeb, pace: Mapping[str, Any] | None = None
) -> None:
    """Download the images of some shards, at once; downloads of earlier processes are not repeated.

    Raises:
        UserError: searches are missing or differ, another process has one of the shards, or the crawl ended
            early.
    """
    lists = read_lists(params)
    parts = by_shard(merged(lists.searches, params), params.scale.crawl_shards)
    own = {number: parts[number] for number in numbers if number in parts}
    results = sum(map(len, own.values()))
    log.info("shards %s: %s", listed(numbers, params.scale.crawl_shards), counted(results, "result"))
    with ExitStack() as running:
        journals = {number: running.enter_context(open_shard(number, params)) for number in own}
        for journal in journals.values():
            journal.keep_note(_COMPLETE, "")
        jobs = shard_jobs(params, lists, parts, journals)
        if jobs:
            proxy = running.enter_context(open_web())
            limits = {"CRAWL_MAX_S": params.crawl.max_minutes * 60 - lists.seconds}
            run_spiders(spider_settings(params.crawl, proxy) | limits | dict(pace or {}), [lambda: jobs])
        for number, journal in journals.items():
            journal.keep_note(_COMPLETE, json.dumps(completion(params, own[number])))


def shard_jobs(
    params: Params, lists: Lists, parts: Mapping[int, Sequence[SearchResult]], journals: Mapping[int, Journal]
) -> list[Job]:
    """Make a job for each shard of `journals` that has something left to download."""
    left = {
        number: unfinished(parts[number], journal.downloads().keys() | journal.handed_over())
        for number, journal in journals.items()
    }
    unended = [number for number in left if left[number]]
    # Every shard has its own queue, and all of them together send about as many requests as one process.
    at_once = max(params.crawl.per_host, CONCURRENT_REQUESTS // max(1, len(unended)))
    return [
        download_job(
            {
                "results": left[number],
                "done": dict[str, Download](),
                "journal": journals[number],
                "shard": (number, params.scale.crawl_shards),
                "witnesses": lists.pages,
                "forgotten": read_forgotten(),
            },
            {
                "CONCURRENT_REQUESTS": at_once,
                "CRAWL_MAX_BYTES": shard_bytes(params, lists, len(parts[number]), parts),
            },
        )
        for number in unended
    ]


def shard_folder(number: int, params: Params) -> Path:
    """Return the folder of a shard's journal."""
    return folder_of(params) / f"{number:03d}"


def shard_bytes(
    params: Params, lists: Lists, results: int, parts: Mapping[int, Sequence[SearchResult]]
) -> float:
    """Return a shard's part of the bytes that the searches have left, by its number of results."""
    left = max(0.0, params.crawl.max_total_mb * 1_000_000 - lists.size)
    return left * results / sum(map(len, parts.values()))


def completion(params: Params, results: Sequence[SearchResult]) -> dict[str, Any]:
    """Describe the settings and results with which a shard is complete."""
    return {
        "settings": settings_of(params), "results": identity(result.image_url for result in results)
    }  # fmt: skip


@contextmanager
def open_shard(number: int, params: Params) -> Generator[Journal]:
    """Open the journal of a shard exclusively.

    Raises:
        UserError: the shard is still being crawled.
    """
    try:
        with open_journal(shard_folder(number, params), on_volume=True) as journal:
            yield journal
    except InUseError:
        shard = f"{number}/{params.scale.crawl_shards}"
        raise UserError(
            f"Shard {shard} is still being crawled.",
            f"Wait until its process has ended, or stop it and run: herodex crawl --shard {shard}",
        ) from None


def merge(params: Params, open_web: OpenWeb, pace: Mapping[str, Any] | None = None) -> list[ImageRecord]:
    """Collect the shards, download what they left, and write the stage's outputs; return the manifest's rows.

    Raises:
        UserError: a shard is missing, unfinished or of other settings or searches, a query has no image, or
            the crawl ended early. Earlier outputs stay as they were.
    """
    lists = read_lists(params)
    results = merged(lists.searches, params)
    parts = by_shard(results, params.scale.crawl_shards)
    with ExitStack() as running:
        shards = {
            number: running.enter_context(open_shard(number, params))
            for number in parts
            if (shard_folder(number, params) / "crawl.db").exists()
        }
        check_complete(params, parts, shards)
        journal = running.enter_context(open_journal(folder_of(params) / "merged", on_volume=True))
        for shard in shards.values():
            journal.take(shard)
        done = journal.downloads()
        if left := unfinished(results, done):
            log.info("%s left to the merge", counted(len({each.image_url for each in left}), "image"))
            arguments = {
                "results": results,
                "done": done,
                "journal": journal,
                "witnesses": lists.pages,
                "forgotten": read_forgotten(),
            }
            limits = {
                "CRAWL_MAX_S": params.crawl.max_minutes * 60
                - lists.seconds
                - max(shard.total(SECONDS) for shard in shards.values()),
                "CRAWL_MAX_BYTES": params.crawl.max_total_mb * 1_000_000
                - lists.size
                - sum(shard.total(BYTES) for shard in shards.values()),
            }
            proxy = running.enter_context(open_web())
            settings = spider_settings(params.crawl, proxy) | limits | dict(pace or {})
            run_spiders(settings, [lambda: [download_job(arguments)]])
        searches, records = clear_rows(
            in_order(lists.searches, params), rows_of(results, journal.downloads(), params), read_forgotten()
        )
        counts = count_statuses(records, params.queries, "query")
        report_end(searches, records, counts)
        try:
            check_counts(counts, searches)
        except UserError as error:
            repeated = reopen(params, searches, journal, shards)
            raise UserError(error.problem, repeated) from None
        records = add_feedback(records, params, journal)
        write_outputs(records, journal.images, sources_report(records, searches))
    return records


def reopen(
    params: Params, searches: Sequence[Search], journal: Journal, shards: Mapping[int, Journal]
) -> str:
    """Forget the failed downloads, so that their shards repeat them; return what the user has to do."""
    journal.forget_failures()
    failed = [
        number
        for number, shard in shards.items()
        if any(each.status is not Status.OK for each in shard.downloads().values())
    ]
    for number in failed:
        shards[number].forget_failures()
        shards[number].keep_note(_COMPLETE, "")
    options = [
        *(["--search"] if any(each.error for each in searches) else []),
        *([f"--shard {listed(failed, params.scale.crawl_shards)}"] if failed else []),
        "--merge",
    ]
    commands = ", ".join(f"'herodex crawl {option}'" for option in options)
    return (
        f"Remove the causes and run {commands} again: images "
        "that were downloaded are not requested again. Or change classes and distractors in params.yaml. "
        "Earlier images are unchanged."
    )


def check_complete(
    params: Params, parts: Mapping[int, Sequence[SearchResult]], shards: Mapping[int, Journal]
) -> None:
    """Check that each shard is complete with the settings and results of this crawl.

    Raises:
        UserError: some are not; the message names them, what differs, and the command.
    """
    ends = {number: shards[number].note(_COMPLETE) if number in shards else "" for number in parts}
    if missing := [number for number, end in ends.items() if not end]:
        named = listed(missing, params.scale.crawl_shards)
        verb = "is" if len(missing) == 1 else "are"
        raise UserError(
            f"{counted(len(missing), 'shard')} {verb} missing or unfinished: {named}.",
            f"Run 'herodex crawl --shard {named}', then merge again.",
        )
    for number, end in ends.items():
        found, expected = read_object(end), completion(params, parts[number])
        again = f"Run 'herodex crawl --shard {listed([number], params.scale.crawl_shards)}' again"
        if changed := differing(expected["settings"], cast("Settings", found["settings"])):
            raise UserError(
                f"Shard {number} was downloaded with other settings: {', '.join(changed)} changed in "
                "params.yaml.",
                f"{again}, or change them back.",
            )
        if found["results"] != expected["results"]:
            raise UserError(
                f"Shard {number} was downloaded with other search results.",
                f"{again}: images that were downloaded are not requested again.",
            )


def finish(params: Params, records: Sequence[ImageRecord]) -> None:
    """Record a snapshot of the live web; remove the shared folder unless the budget ended the crawl."""
    if params.crawl.web == LIVE_WEB:
        record_snapshot(STAGE, image_settings(params), OUTPUTS)
    if any(image.status is Status.OVER_BUDGET for image in records):
        log.warning(
            "the budget ended the crawl; to continue, raise crawl.max_total_mb or crawl.max_minutes and "
            "merge again (or remove %s)",
            folder_of(params),
        )
    else:
        discard_journal(folder_of(params))
