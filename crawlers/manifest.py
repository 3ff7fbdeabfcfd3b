"""The manifest: `manifest.csv` beside the downloaded images, with one row for each search result taken.

Columns (see `crawlers.items.ImageRecord`):

    query        the search, which is also the name of the images' folder
    source       where it was searched: `demo` for the demo web, `folder`, or the source's name
    rank         place among that source's results of that search, from 1
    image_url  where the image lies
    page_url     the page that shows it
    title, author, license, license_url   as the source states them
    status       `ok`, or why no image was kept (see `crawlers.items.Status`)
    reason       a few words for people, '' when the status is `ok`
    sha256       of the image's bytes, '' when none were kept
    file         where they lie, relative to the manifest: <query>/<sha256>.<extension by content>
    label        what the image should show: the class itself, or `unknown` where the query is a distractor

Rows are sorted by the order of the queries in `params.yaml`, then by the order of the sources, then by rank.
UTF-8, lines end in "\\n".
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from crawlers.items import Download, ImageRecord, SearchResult, Status


def record_of(result: SearchResult, download: Download | None, label: str) -> ImageRecord:
    """Make a row of the manifest; an address without a download is one that the budget left out."""
    if download is None:
        download = Download(result.image_url, Status.OVER_BUDGET, "the crawl's budget was spent")
    return ImageRecord(
        **asdict(result),
        status=download.status,
        reason=download.reason,
        sha256=download.sha256,
        file=f"{result.query}/{download.sha256}.{download.extension}" if download.sha256 else "",
        label=label,
    )


def write_images(images: Iterable[ImageRecord], store: Path, folder: Path) -> None:
    """Lay the kept images out as the manifest says.

    Args:
        images: rows of the manifest.
        store: the folder where they lie under their hashes.
        folder: where they go.
    """
    for image in images:
        if not image.file:
            continue
        target = folder / image.file
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            continue
        source = store / target.name
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)


def count_statuses(
    images: Iterable[ImageRecord], groups: Sequence[str], by: str
) -> dict[str, Counter[Status]]:
    """Count for each of `groups`, values of the column `by`, how many results ended in which status."""
    counts: dict[str, Counter[Status]] = {group: Counter() for group in groups}
    for image in images:
        counts[getattr(image, by)][image.status] += 1
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
