"""Add reported images that a person accepted to the crawl's images, as the source `feedback`."""

import csv
import logging
from collections import Counter
from collections.abc import Sequence

from crawlers.items import ImageRecord, SearchResult
from crawlers.journal import Journal
from crawlers.manifest import record_of
from herodex import paths
from herodex.accepted_feedback import ACCEPTED, VISITOR, AcceptedImage, read_image, read_rows
from herodex.forgotten_list import read_forgotten
from herodex.params import FROM_FEEDBACK, UNKNOWN, Params

log = logging.getLogger(__name__)

FOLDER = paths.FEEDBACK / ACCEPTED


def add_feedback(records: Sequence[ImageRecord], params: Params, journal: Journal) -> list[ImageRecord]:
    """Add the accepted images of each query after its other images; without any, the rows stay as they are.

    Args:
        records: the manifest's rows, in the order of the queries.
        params: with the classes and distractors.
        journal: stores the images.

    Raises:
        UserError: an accepted image is missing or was changed.
    """
    rows, forgotten = read_rows(FOLDER), read_forgotten()
    accepted = [row for row in rows if not forgotten.has_content(row.sha256)]
    if len(accepted) < len(rows):
        log.warning(
            "reported images that are left out, because they are withdrawn: %d", len(rows) - len(accepted)
        )
    if not accepted:
        return list(records)
    queries = [*params.queries, UNKNOWN]
    if others := Counter(row.label for row in accepted if row.label not in queries):
        counts = ", ".join(f"{count} of {label}" for label, count in sorted(others.items()))
        log.warning("reported images that are left out, because params.yaml has no such class: %s", counts)
    if used := sum(row.label in queries for row in accepted):
        log.info("reported images that a person accepted: %d", used)
    added: list[ImageRecord] = []
    for query in queries:
        added += [record for record in records if record.query == query]
        rows = [row for row in accepted if row.label == query]
        added += [to_record(row, rank, params, journal) for rank, row in enumerate(rows, start=1)]
    return added


def to_record(row: AcceptedImage, rank: int, params: Params, journal: Journal) -> ImageRecord:
    """Store an accepted image, and make its row of the manifest."""
    place = f"{FROM_FEEDBACK}/{row.file}"
    download = journal.keep_image(place, read_image(FOLDER, row), "png")
    result = SearchResult(row.label, FROM_FEEDBACK, rank, place, "", "", VISITOR, row.license, "")
    return record_of(result, download, params.label_of(row.label))


def warn_of_new_feedback() -> None:
    """Log how many accepted images are not in the snapshot of the live web, which stays as it is."""
    with (paths.RAW_IMAGES / paths.MANIFEST).open(encoding="utf-8", newline="") as file:
        known = {row["sha256"] for row in csv.DictReader(file) if row["source"] == FROM_FEEDBACK}
    forgotten = read_forgotten()
    new = [
        row for row in read_rows(FOLDER) if row.sha256 not in known and not forgotten.has_content(row.sha256)
    ]
    if new:
        log.warning("reported images that are not in the snapshot: %d; 'make refresh' adds them", len(new))
