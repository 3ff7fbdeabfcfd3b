"""Stage `scrape_images`: search for every class and distractor, and keep what is found.

Writes `data/images/raw/<query>/<sha256>.<extension>`, the manifest beside them (see `crawlers.manifest`),
and `reports/sources.md` with the pictures' licences and attributions. Until the crawl has come to its end,
what it has learnt lies in `.cache/crawl`, so that it can be killed at any moment and goes on from there.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

from crawlers.folder import read_folder
from crawlers.image_crawl import crawl
from crawlers.items import Picture, Search, Status
from crawlers.journal import Journal, open_journal
from crawlers.manifest import count_statuses, summarise, write_pictures
from crawlers.sources_report import sources_report
from crawlers.staging import staged_folder
from crawlers.state import finish_state, prepare_state
from crawlers.table import write_table
from crawlers.web import EMBEDDED_WEB, LIVE_WEB, check_folder, check_web, require_consent
from demo_web.server import running_web
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import Params, load_params

log = logging.getLogger(__name__)


def main() -> None:
    """Get the pictures that `params.yaml` asks for."""
    params = load_params()
    check_web(params)
    if params.crawl.web == LIVE_WEB:
        require_consent("scrape_images", paths.RAW_IMAGES)
    elif params.crawl.web != EMBEDDED_WEB:
        check_folder(params)
    state = prepare_state(params)
    with open_journal(state) as journal:
        searches, pictures = collect(params, journal)
        counts = count_statuses(pictures, params.queries, "query")
        report_end(searches, pictures, counts)
        try:
            check_counts(counts, searches)
        except UserError:
            journal.forget_failures()
            raise
        with staged_folder(paths.RAW_IMAGES) as folder:
            write_pictures(pictures, journal.pictures, folder)
            write_table(folder / paths.MANIFEST, Picture, pictures)
        paths.SOURCES.parent.mkdir(exist_ok=True)
        paths.SOURCES.write_text(sources_report(pictures, searches), encoding="utf-8")
    finish_state(state, params, any(picture.status is Status.OVER_BUDGET for picture in pictures))


def collect(params: Params, journal: Journal) -> tuple[list[Search], list[Picture]]:
    """Get what the searches found and what became of each result, in the manifest's order."""
    if params.crawl.images.sources == ["folder"]:
        return [], read_folder(params, journal)
    with nullcontext() if params.crawl.web == LIVE_WEB else running_web(params) as proxy:
        return crawl(params, proxy, journal)


def report_end(
    searches: Sequence[Search], pictures: Sequence[Picture], counts: dict[str, Counter[Status]]
) -> None:
    """Log what became of all results, by query and by source, and which searches failed."""
    log.info("%s", summarise(counts, "query"))
    sources = list(dict.fromkeys(picture.source for picture in pictures))
    if len(sources) > 1:
        log.info("%s", summarise(count_statuses(pictures, sources, "source"), "source"))
    for search in searches:
        if search.error:
            log.warning("%s: the search for '%s' failed: %s", search.source, search.query, search.error)


def check_counts(counts: dict[str, Counter[Status]], searches: Sequence[Search]) -> None:
    """Check that a picture of every query was kept.

    Raises:
        UserError: it names the queries of which none was, and what became of their results.
    """
    empty = {query: count for query, count in counts.items() if not count[Status.OK]}
    if empty:
        fates = "; ".join(f"{query}: {describe(query, count, searches)}" for query, count in empty.items())
        raise UserError(
            f"The crawl kept no picture of {', '.join(empty)} ({fates}).",
            "See the causes and run it again: what it has found is not asked for twice. "
            "Or search for something else in classes and distractors. What was there before is unchanged.",
        )


def describe(query: str, count: Counter[Status], searches: Sequence[Search]) -> str:
    """Put into words what became of one query's results, or why there are none."""
    fates = [f"{number} {status}" for status, number in sorted(count.items())]
    fates += [
        f"the search of {search.source} failed: {search.error}"
        for search in searches
        if search.query == query and search.error
    ]
    return ", ".join(fates) or "no results"


if __name__ == "__main__":
    run_command(main)
