"""The manifest: `manifest.csv` beside the downloaded images, with one row for each search result.

Columns (see `crawlers.items.ImageRecord`):

    query        the query, which is also the name of the images' folder;
                 `unknown` for images that visitors reported as none of these
    source       `demo` for the demo web, `folder`, `feedback` for images that visitors reported,
                 or the name of the live web's source
    rank         place among that source's results of that query, from 1
    image_url    address of the image
    page_url     address of the page that shows it
    title, author, license, license_url   as the source states them
    status       `ok`, or why no image was kept (see `crawlers.items.Status`)
    reason       explanation for people, '' if the status is `ok`
    sha256       of the image's bytes, '' if none were kept
    file         path relative to the manifest: <query>/<sha256>.<extension by content>
    label        the query if it is a class, `unknown` if it is a distractor
    group        of the image in the user's `groups.csv`, '' if it has none
    folder_part  `train`, `validation` or `test` if the image lies in a folder with such a name, else ''

Rows are sorted by the order of the queries in `params.yaml`, then by the order of the sources, then by rank.
The file is UTF-8 with Unix line ends.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawlers.items import Download, ImageRecord, SearchResult, Status
from crawlers.journal import link_or_copy


def record_of(result: SearchResult, download: Download | None, label: str) -> ImageRecord:
    """Make a row of the manifest; a result without a download was left out by the budget."""
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


def read_images(path: Path) -> list[ImageRecord]:
    """Read the rows of a manifest; those of earlier releases lack the last columns."""
    with path.open(encoding="utf-8", newline="") as file:
        return [_parsed(row) for row in csv.DictReader(file)]


def _parsed(row: Mapping[str, str]) -> ImageRecord:
    values: dict[str, Any] = {**row, "rank": int(row["rank"]), "status": Status(row["status"])}
    return ImageRecord(**values)


def write_images(images: Iterable[ImageRecord], store: Path, folder: Path) -> None:
    """Link or copy the kept images to their paths in the manifest.

    Args:
        images: rows of the manifest.
        store: the folder that holds the images by their hashes.
        folder: the manifest's folder.
    """
    for image in images:
        if not image.file:
            continue
        target = folder / image.file
        target.parent.mkdir(exist_ok=True)
        link_or_copy(store / target.name, target)


def count_statuses(
    images: Iterable[ImageRecord], groups: Sequence[str], by: str
) -> dict[str, Counter[Status]]:
    """Count the results by status for each of `groups`, the values of the column `by`."""
    counts: dict[str, Counter[Status]] = {group: Counter() for group in groups}
    for image in images:
        counts[getattr(image, by)][image.status] += 1
    return counts


def summarise(counts: dict[str, Counter[Status]], title: str) -> str:
    """Format `counts` as a plain-text table: results, kept, and a column for each failure that occurred."""
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
