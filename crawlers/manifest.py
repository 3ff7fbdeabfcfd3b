"""The manifest: `manifest.csv` beside the downloaded pictures, with one row for each search result taken.

Columns (see `crawlers.items.Picture`):

    query        the search, which is also the name of the pictures' folder
    source       where it was searched: `demo` for the embedded web, `folder`, or the source's name
    rank         place among that source's results of that search, from 1
    picture_url  where the picture lies
    page_url     the page that shows it
    title, author, licence, licence_url   as the source states them
    status       `ok`, or why no picture was kept (see `crawlers.items.Status`)
    reason       a few words for people, '' when the status is `ok`
    sha256       of the picture's bytes, '' when none were kept
    file         where they lie, relative to the manifest: <query>/<sha256>.<extension by content>
    label        what the picture should show: the class itself, or `unknown` where the query is a distractor

Rows are sorted by the order of the queries in `params.yaml`, then by the order of the sources, then by rank.
UTF-8, lines end in "\\n".
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from crawlers.items import Download, Picture, SearchResult, Status


def picture_of(result: SearchResult, download: Download | None, label: str) -> Picture:
    """Make a row of the manifest; an address without a download is one that the budget left out."""
    if download is None:
        download = Download(result.picture_url, Status.OVER_BUDGET, "the crawl's budget was spent")
    return Picture(
        **asdict(result),
        status=download.status,
        reason=download.reason,
        sha256=download.sha256,
        file=f"{result.query}/{download.sha256}.{download.extension}" if download.sha256 else "",
        label=label,
    )


def write_pictures(pictures: Iterable[Picture], store: Path, folder: Path) -> None:
    """Lay the kept pictures out as the manifest says.

    Args:
        pictures: rows of the manifest.
        store: the folder where they lie under their hashes.
        folder: where they go.
    """
    for picture in pictures:
        if not picture.file:
            continue
        target = folder / picture.file
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            continue
        source = store / target.name
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def count_statuses(pictures: Iterable[Picture], groups: Sequence[str], by: str) -> dict[str, Counter[Status]]:
    """Count for each of `groups`, values of the column `by`, how many results ended in which status."""
    counts: dict[str, Counter[Status]] = {group: Counter() for group in groups}
    for picture in pictures:
        counts[getattr(picture, by)][picture.status] += 1
    return counts


def summarise(counts: dict[str, Counter[Status]], title: str) -> str:
    """Lay out `counts` as a plain-text table: results, kept, and a column for each failure that occurred."""
    total = sum(counts.values(), Counter[Status]())
    failures = [status for status in Status if status is not Status.OK and total[status]]
    rows = [[title, "results", "kept", *failures]]
    for group, count in [*counts.items(), ("all", total)]:
        rows.append(
            [group, *map(str, (count.total(), count[Status.OK], *(count[kind] for kind in failures)))]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )
