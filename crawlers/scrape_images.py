"""Stage `scrape_images`: search for every class and distractor, and download the results.

Writes `data/images/raw/<query>/<sha256>.<extension>`, the manifest beside them (see `crawlers.manifest`), and
`reports/sources.md` with the images' licences and attributions. The outputs appear when the crawl is
complete; its progress is kept in `.cache/crawl`, so a killed crawl continues.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from crawlers.feedback import add_feedback, warn_of_new_feedback
from crawlers.folder import check_folder, held_out_summary, read_folder, unused
from crawlers.forgotten import withdraw_images
from crawlers.groups import GROUPS, Groups, groups_summary, read_groups, unused_rows
from crawlers.image_crawl import crawl
from crawlers.items import FOLDER, FolderContents, ImageRecord, Search, Status
from crawlers.journal import Journal, open_journal
from crawlers.manifest import count_statuses, summarise, write_images
from crawlers.snapshot import image_settings, keep_snapshot, record_snapshot
from crawlers.sources_report import counted, folder_notes, sources_report
from crawlers.staging import staged_folder
from crawlers.state import finish_state, prepare_state, state_folder
from crawlers.table import write_table
from crawlers.web import DEMO_WEB, LIVE_WEB, check_web, may_crawl_live
from demo_web.server import running_web
from herodex import paths
from herodex.class_folders import check_test_folders
from herodex.command import run_command
from herodex.errors import UserError
from herodex.forgotten_list import read_forgotten
from herodex.params import FEWEST_IMAGES, FROM_FOLDER, Params, load_params

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
        # A snapshot that `dvc checkout` brings back may be older than the list.
        if withdrawn := withdraw_images(STAGE, read_forgotten()):
            log.warning("%s of withdrawn sources removed from the snapshot", counted(withdrawn, "result"))
        warn_of_new_feedback()
        return
    if not live and params.crawl.web != DEMO_WEB:
        check_folder(params)
        if params.crawl.images.sources != [FOLDER]:
            check_no_groups(Path(params.crawl.web))
            log.warning(
                "the browser takes the first %d files of each folder in %s; to read all files without "
                "a browser, set crawl.images.sources to [folder]",
                params.crawl.images.per_query, params.crawl.web,
            )  # fmt: skip
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
        from_folder = params.crawl.images.sources == [FOLDER]
        groups: Groups = read_groups(Path(params.crawl.web)) if from_folder else {}
        searches, folders, records = collect(params, journal, groups)
        counts = count_statuses(records, params.queries, "query")
        notes, remarks = folder_remarks(params, groups, records) if folders else ([], [])
        report_end(searches, records, counts, [*folder_notes(folders), *notes])
        for remark in remarks:
            log.info("%s", remark)
        try:
            if from_folder:
                check_contents(params, folders, records)
            else:
                check_counts(counts, searches)
        except UserError:
            journal.forget_failures()
            raise
        records = add_feedback(records, params, journal)
        write_outputs(records, journal.images, sources_report(records, searches, folders, notes, remarks))
    return records


def write_outputs(records: Sequence[ImageRecord], store: Path, report: str) -> None:
    """Write the images from the folder `store`, the manifest and the report."""
    with staged_folder(paths.RAW_IMAGES) as folder:
        write_images(records, store, folder)
        write_table(folder / paths.MANIFEST, ImageRecord, records)
    paths.SOURCES.parent.mkdir(exist_ok=True)
    paths.SOURCES.write_text(report, encoding="utf-8")


def folder_remarks(
    params: Params, groups: Groups, records: Sequence[ImageRecord]
) -> tuple[list[str], list[str]]:
    """Describe what in the user's folder is not used, and then its groups and test folders."""
    return (
        [*unused(params), *unused_rows(groups, records)],
        [*groups_summary(records), *held_out_summary(records)],
    )


def collect(
    params: Params, journal: Journal, groups: Groups
) -> tuple[list[Search], list[FolderContents], list[ImageRecord]]:
    """Return the searches of a crawl or the contents of a folder, and the manifest's rows."""
    if params.crawl.images.sources == [FOLDER]:
        return [], *read_folder(params, journal, groups)
    with nullcontext() if params.crawl.web == LIVE_WEB else running_web(params) as proxy:
        searches, records = crawl(params, proxy, journal)
        return searches, [], records


def report_end(
    searches: Sequence[Search],
    records: Sequence[ImageRecord],
    counts: dict[str, Counter[Status]],
    notes: Sequence[str] = (),
) -> None:
    """Log the results by status, for each query and source, the searches that failed, and notes."""
    log.info("%s", summarise(counts, "query"))
    sources = list(dict.fromkeys(image.source for image in records))
    if len(sources) > 1:
        log.info("%s", summarise(count_statuses(records, sources, "source"), "source"))
    for search in searches:
        if search.error:
            log.warning("%s: the search for '%s' failed: %s", search.source, search.query, search.error)
        if search.forgotten:
            log.info(
                "%s, %s: %s of withdrawn sources left out",
                search.source, search.query, counted(search.forgotten, "result"),
            )  # fmt: skip
    for note in notes:
        log.warning("%s", note)


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


def check_no_groups(root: Path) -> None:
    """Check that no `groups.csv` is overlooked, because only a folder that is read directly has groups.

    Raises:
        UserError: there is one.
    """
    if (root / GROUPS).exists():
        raise UserError(
            f"{root / GROUPS} would be ignored, because the browser searches the folder.",
            f"Set crawl.images.sources in params.yaml to [folder], or remove {GROUPS}.",
        )


def check_contents(params: Params, folders: Sequence[FolderContents], records: Sequence[ImageRecord]) -> None:
    """Check that every class's folder has enough different images, and every distractor's at least one.

    Images of test folders do not count if they are held out, and images of one group count once.

    Raises:
        UserError: a folder has too few; the message counts what it has, and says how to get more.
    """
    kept = [image for image in records if image.sha256]
    held_out = params.classifier.split.test == FROM_FOLDER
    if held_out:
        of_class = [image for image in kept if image.query in params.classes]
        check_test_folders(params.classes, ((image.query, image.folder_part == "test") for image in of_class))
    learnt = [image for image in kept if not (held_out and image.folder_part == "test")]
    images = {
        query: len(
            {image.sha256 for image in (learnt if query in params.classes else kept) if image.query == query}
        )
        for query in params.queries
    }
    needed = {query: FEWEST_IMAGES if query in params.classes else 1 for query in params.queries}
    if few := [query for query in params.queries if images[query] < needed[query]]:
        found = ", ".join(f"{query} has {images[query]}" for query in few)
        notes = folder_notes([each for each in folders if each.query in few])
        causes = f" Not taken: {'; '.join(notes)}." if notes else ""
        beside = " outside test folders" if held_out else ""
        raise UserError(
            f"Too few different images{beside}: {found}. A class needs at least {FEWEST_IMAGES}, "
            f"a distractor 1.{causes}",
            f"Put more images into {Path(params.crawl.web) / few[0]}, or change classes and distractors in "
            "params.yaml. Earlier images are unchanged.",
        )
    check_groups(params, learnt)


def check_groups(params: Params, learnt: Sequence[ImageRecord]) -> None:
    """Check that the images of every class belong to enough groups.

    Raises:
        UserError: those of a class belong to fewer; the message counts them.
    """
    groups = {
        query: {
            (image.group, "" if image.group else image.sha256) for image in learnt if image.query == query
        }
        for query in params.classes
    }
    if few := [query for query in params.classes if len(groups[query]) < FEWEST_IMAGES]:
        found = ", ".join(f"{query} has images of {len(groups[query])}" for query in few)
        file = Path(params.crawl.web) / GROUPS
        raise UserError(
            f"Too few groups in {file}: {found}. A class needs images of at least {FEWEST_IMAGES}, because a "
            "group is in one fold; an image without a line is a group of its own.",
            "Add images of other groups, divide the groups more finely, or take lines out of the file. "
            "Earlier images are unchanged.",
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
