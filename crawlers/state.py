"""Where a crawl of images keeps what it has learnt, and when it begins anew."""

import logging
from pathlib import Path

from crawlers.journal import BYTES, SECONDS, discard_journal, identity, open_journal
from crawlers.web import DEMO_WEB, LIVE_WEB
from herodex import paths
from herodex.params import Params

log = logging.getLogger(__name__)

_FINISHED = "finished within"


def state_folder(params: Params) -> Path:
    """Name the folder for the crawl of a web; another web, or other files in a folder, has another one.

    What was learnt from the live web holds for all queries and settings.
    """
    web = params.crawl.web
    if web == LIVE_WEB:
        return paths.CRAWL_STATE / LIVE_WEB
    shown: list[object] = [web, params.demo_web.model_dump(), params.queries, params.crawl.images.per_query]
    if web != DEMO_WEB:
        files = sorted(Path(web).glob("*/*"))
        shown += [[str(file), file.stat().st_size, file.stat().st_mtime_ns] for file in files]
    return paths.CRAWL_STATE / f"images-{identity(shown)}"


def prepare_state(params: Params) -> Path:
    """Make ready to go on with a crawl that was interrupted, or to begin one; returns its folder.

    A crawl that was ended by its budget goes on if it has another one now, and else begins anew.

    Raises:
        UserError: another crawl is at work there.
    """
    folder = state_folder(params)
    if not folder.exists():
        return folder
    with open_journal(folder) as journal:
        finished = journal.note(_FINISHED) == _budget(params)
        if not finished:
            journal.keep_note(_FINISHED, "")
            if journal.downloads():
                log.info(
                    "going on with a crawl that took %.0f s and %.1f MB so far (to begin anew, remove %s)",
                    journal.total(SECONDS), journal.total(BYTES) / 1e6, folder,
                )  # fmt: skip
    if finished:
        discard_journal(folder)
    return folder


def finish_state(folder: Path, params: Params, over_budget: bool) -> None:
    """Remove what a complete crawl has no more use for; one that its budget cut short can still go on."""
    if over_budget:
        with open_journal(folder) as journal:
            journal.keep_note(_FINISHED, _budget(params))
    else:
        discard_journal(folder)


def _budget(params: Params) -> str:
    return f"{params.crawl.max_total_mb} MB, {params.crawl.max_minutes} min"
