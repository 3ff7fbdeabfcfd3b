"""The folder of an image crawl's journal, and when a crawl continues or starts over."""

import logging
from pathlib import Path

from crawlers.journal import BYTES, SECONDS, discard_journal, identity, open_journal
from crawlers.web import DEMO_WEB, LIVE_WEB
from herodex import paths
from herodex.params import Params

log = logging.getLogger(__name__)

_FINISHED = "finished within"


def state_folder(params: Params) -> Path:
    """Return the journal's folder, which depends on the web, and on the files in a folder of images.

    One journal of the live web serves all queries and settings.
    """
    web = params.crawl.web
    if web == LIVE_WEB:
        return paths.CRAWL_STATE / LIVE_WEB
    images = params.crawl.images
    shown: list[object] = [
        web,
        params.demo_web.model_dump(),
        params.queries,
        images.per_query,
        images.folder_limit,
    ]
    if web != DEMO_WEB:
        # Of links, the link itself: it may lead nowhere.
        files = [(file, file.lstat()) for file in sorted(Path(web).rglob("*"))]
        shown += [[str(file), status.st_size, status.st_mtime_ns] for file, status in files]
    return paths.CRAWL_STATE / f"images-{identity(shown)}"


def prepare_state(params: Params) -> Path:
    """Prepare to continue an interrupted crawl or to start one; return the journal's folder.

    A crawl that its budget ended continues if the budget has changed, and else starts over.

    Raises:
        UserError: another crawl is running there.
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
                    "continuing a crawl that took %.0f s and %.1f MB so far (remove %s to start over)",
                    journal.total(SECONDS), journal.total(BYTES) / 1e6, folder,
                )  # fmt: skip
    if finished:
        discard_journal(folder)
    return folder


def finish_state(folder: Path, params: Params, over_budget: bool) -> None:
    """Remove the journal of a complete crawl; keep it if the budget ended the crawl, so it can continue."""
    if over_budget:
        with open_journal(folder) as journal:
            journal.keep_note(_FINISHED, _budget(params))
    else:
        discard_journal(folder)


def _budget(params: Params) -> str:
    return f"{params.crawl.max_total_mb} MB, {params.crawl.max_minutes} min"
