"""Keep withdrawn sources out of a crawl, by the hashes in `data/forgotten.csv`.

Search results with a withdrawn address, host, author or licence are left out before any request, and images
with withdrawn bytes are not stored. The crawl counts both and names none of them.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from crawlers.items import FOLDER, ImageRecord, Search, SearchResult, Status
from crawlers.manifest import read_images
from crawlers.snapshot import renew_snapshot
from crawlers.sources_report import left_out, section, sources_report
from crawlers.table import write_table
from herodex import paths
from herodex.forgotten_list import ForgottenList

LEFT_OUT = "## Left out"


def is_forgotten(result: SearchResult, forgotten: ForgottenList) -> bool:
    """Tell whether a search result is of a withdrawn source."""
    return forgotten.has_source({key: str(value) for key, value in asdict(result).items()})


def clear_search(search: Search, forgotten: ForgottenList) -> Search:
    """Leave out a search's results of withdrawn sources, and count them."""
    kept = tuple(result for result in search.results if not is_forgotten(result, forgotten))
    return replace(search, results=kept, forgotten=search.forgotten + len(search.results) - len(kept))


def clear_rows(
    searches: Sequence[Search], records: Sequence[ImageRecord], forgotten: ForgottenList
) -> tuple[list[Search], list[ImageRecord]]:
    """Leave out rows of withdrawn sources and images, and count them in their searches."""
    kept = [record for record in records if not _is_forgotten_row(record, forgotten)]
    lost = Counter((each.source, each.query) for each in records)
    lost.subtract((each.source, each.query) for each in kept)
    return [
        replace(search, forgotten=search.forgotten + lost[search.source, search.query]) for search in searches
    ], kept


def _is_forgotten_row(record: ImageRecord, forgotten: ForgottenList) -> bool:
    return (
        record.status is Status.FORGOTTEN
        or forgotten.has_content(record.sha256)
        or is_forgotten(record, forgotten)
    )


def withdraw_images(stage: str, forgotten: ForgottenList) -> int:
    """Remove withdrawn images from the crawled data and its report; return how many rows went.

    A snapshot of the live web stays one: its record is renewed under the hash of what is left.
    """
    table = paths.RAW_IMAGES / paths.MANIFEST
    if not table.exists():
        return 0
    records = read_images(table)
    pairs = dict.fromkeys((each.source, each.query) for each in records)
    searches, kept = clear_rows([Search(*pair) for pair in pairs], records, forgotten)
    if len(kept) == len(records):
        return 0
    with renew_snapshot(stage, (paths.RAW_IMAGES, paths.SOURCES)):
        # The files go first: an interrupted removal finds the rest by the table's rows.
        for file in {each.file for each in records if each.file} - {each.file for each in kept}:
            (paths.RAW_IMAGES / file).unlink(missing_ok=True)
        partial = table.with_name(f"{table.name}.part")
        write_table(partial, ImageRecord, kept)
        partial.replace(table)
        _rewrite_report(paths.SOURCES, searches, kept)
    return len(records) - len(kept)


def _rewrite_report(path: Path, searches: Sequence[Search], kept: Sequence[ImageRecord]) -> None:
    """Count and attribute the images that are left; the report keeps its section of what was left out."""
    if not path.exists():
        return
    new = section("\n".join([*left_out(searches), ""]), LEFT_OUT)
    old = section(path.read_text(encoding="utf-8"), LEFT_OUT)
    sections = old + new.removeprefix(f"\n{LEFT_OUT}\n\n") if old else new
    report = sources_report(kept, [])
    if all(each.source == FOLDER for each in kept) and kept:
        report = report.removesuffix("\n## Attributions\n\n")
    first, attributions, rest = report.partition("\n## Attributions")
    path.write_text(first + sections + attributions + rest, encoding="utf-8")


def settings_identity(forgotten: ForgottenList) -> list[str]:
    """Return what a search's identity depends on; an empty list changes no identity."""
    return [json.dumps(sorted(forgotten.reasons))] if forgotten.reasons else []
