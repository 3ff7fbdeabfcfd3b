"""Stage `scrape_images`: search for every class and distractor, and download the results.

Writes `data/images/raw/<query>/<sha256>.<extension>`, the manifest beside them (see `crawlers.manifest`), and
`reports/sources.md` with the images' licences and attributions. The outputs appear when the crawl is
complete; its progress is kept in `.cache/crawl`, so a killed crawl continues.
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
from crawlers.snapshot import image_settings, keep_snapshot, record_snapshot
from crawlers.sources_report import sources_report
from crawlers.staging import staged_folder
from crawlers.state import finish_state, prepare_state, state_folder
from crawlers.table import write_table
from crawlers.web import DEMO_WEB, LIVE_WEB, check_folder, check_web, may_crawl_live
from demo_web.server import running_web
from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import Params, load_params

log = logging.getLogger(__name__)

STAGE = "scrape_images"
OUTPUTS = (paths.RAW_IMAGES, paths.SOURCES)


def main() -> None:
    """Get the images that `params.yaml` asks for, or keep the snapshot of the live web."""
    params = load_params()
    check_web(params)
    live = params.crawl.web == LIVE_WEB
    if live and not may_crawl_live():
        keep_snapshot(STAGE, image_settings(params), OUTPUTS)
        return
    if not live and params.crawl.web != DEMO_WEB:
        check_folder(params)
    records = scrape(params)
    if live:
        record_snapshot(STAGE, image_settings(params), OUTPUTS)
    finish_state(state_folder(params), params, any(image.status is Status.OVER_BUDGET for image in records))


def scrape(params: Params) -> list[ImageRecord]:
    """Crawl the images, write the outputs and return the manifest's rows.

    Raises:
        UserError: a query has no image, or the crawl was interrupted. Earlier outputs stay as they were.
    """
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
    return records


def collect(params: Params, journal: Journal) -> tuple[list[Search], list[ImageRecord]]:
    """Return the searches and the manifest's rows, from a folder or from a crawl."""
    if params.crawl.images.sources == ["folder"]:
        return [], read_folder(params, journal)
    with nullcontext() if params.crawl.web == LIVE_WEB else running_web(params) as proxy:
        return crawl(params, proxy, journal)


def report_end(
    searches: Sequence[Search], records: Sequence[ImageRecord], counts: dict[str, Counter[Status]]
) -> None:
    """Log the results by status, for each query and source, and the searches that failed."""
    log.info("%s", summarise(counts, "query"))
    sources = list(dict.fromkeys(image.source for image in records))
    if len(sources) > 1:
        log.info("%s", summarise(count_statuses(records, sources, "source"), "source"))
    for search in searches:
        if search.error:
            log.warning("%s: the search for '%s' failed: %s", search.source, search.query, search.error)


def check_counts(counts: dict[str, Counter[Status]], searches: Sequence[Search]) -> None:
    """Check that every query has an image.

    Raises:
        UserError: a query has none; the message names each such query and the statuses of its results.
    """
    empty = {query: count for query, count in counts.items() if not count[Status.OK]}
    if empty:
        causes = "; ".join(f"{query}: {describe(query, count, searches)}" for query, count in empty.items())
        raise UserError(
            f"The crawl kept no image of {', '.join(empty)} ({causes}).",
            "Remove the causes and run it again: images that were downloaded are not requested again. "
            "Or change classes and distractors in params.yaml. Earlier images are unchanged.",
        )


def describe(query: str, count: Counter[Status], searches: Sequence[Search]) -> str:
    """Describe why one query has no image: its results by status, and searches that failed."""
    causes = [f"{number} {status}" for status, number in sorted(count.items())]
    causes += [
        f"the search of {search.source} failed: {search.error}"
        for search in searches
        if search.query == query and search.error
    ]
    return ", ".join(causes) or "no results"


if __name__ == "__main__":
    run_command(main)
