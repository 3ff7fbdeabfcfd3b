"""Stage `scrape_images`: search for every class and distractor, and keep what is found.

Writes `data/images/raw/<query>/<sha256>.<extension>`, the manifest beside them (see `crawlers.manifest`),
and `reports/sources.md` with the images' licences and attributions. Until the crawl has come to its end,
what it has learnt lies in `.cache/crawl`, so that it can be killed at any moment and goes on from there.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

from crawlers.folder import read_folder
from crawlers.image_crawl import crawl
from crawlers.items import ImageRecord, Search, Status
from crawlers.journal import Journal, open_journal
from crawlers.manifest import count_statuses, summarise, write_images
from crawlers.sources_report import sources_report
from crawlers.staging import staged_folder
from crawlers.state import finish_state, prepare_state
from crawlers.table import write_table
from crawlers.web import DEMO_WEB, LIVE_WEB, check_folder, check_web, require_consent
from demo_web.server import running_web
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import Params, load_params

log = logging.getLogger(__name__)


def main() -> None:
    """Get the images that `params.yaml` asks for."""
    params = load_params()
    check_web(params)
    if params.crawl.web == LIVE_WEB:
        require_consent("scrape_images", paths.RAW_IMAGES)
    elif params.crawl.web != DEMO_WEB:
        check_folder(params)
    state = prepare_state(params)
    with open_journal(state) as journal:
        searches, records = collect(params, journal)
        counts = count_statuses(records, params.queries, "query")
        report_end(searches, records, counts)
        try:
            check_counts(counts, searches)
        except UserError:
            journal.forget_failures()
            raise
        with staged_folder(paths.RAW_IMAGES) as folder:
            write_images(records, journal.images, folder)
            write_table(folder / paths.MANIFEST, ImageRecord, records)
        paths.SOURCES.parent.mkdir(exist_ok=True)
        paths.SOURCES.write_text(sources_report(records, searches), encoding="utf-8")
    finish_state(state, params, any(image.status is Status.OVER_BUDGET for image in records))


def collect(params: Params, journal: Journal) -> tuple[list[Search], list[ImageRecord]]:
    """Get what the searches found and what became of each result, in the manifest's order."""
    if params.crawl.images.sources == ["folder"]:
        return [], read_folder(params, journal)
    with nullcontext() if params.crawl.web == LIVE_WEB else running_web(params) as proxy:
        return crawl(params, proxy, journal)


def report_end(
    searches: Sequence[Search], records: Sequence[ImageRecord], counts: dict[str, Counter[Status]]
) -> None:
    """Log what became of all results, by query and by source, and which searches failed."""
    log.info("%s", summarise(counts, "query"))
    sources = list(dict.fromkeys(image.source for image in records))
    if len(sources) > 1:
        log.info("%s", summarise(count_statuses(records, sources, "source"), "source"))
    for search in searches:
        if search.error:
            log.warning("%s: the search for '%s' failed: %s", search.source, search.query, search.error)


def check_counts(counts: dict[str, Counter[Status]], searches: Sequence[Search]) -> None:
    """Check that an image of every query was kept.

    Raises:
        UserError: it names the queries of which none was, and what became of their results.
    """
    empty = {query: count for query, count in counts.items() if not count[Status.OK]}
    if empty:
        fates = "; ".join(f"{query}: {describe(query, count, searches)}" for query, count in empty.items())
        raise UserError(
            f"The crawl kept no image of {', '.join(empty)} ({fates}).",
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
