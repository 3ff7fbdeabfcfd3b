"""The manifest: `manifest.csv` beside the downloaded pictures, with one row for each search result taken.

Columns (see `crawlers.items.Picture`):

    query        the search, which is also the name of the pictures' folder
    rank         place among the results of that search, from 1
    picture_url  where the picture lies
    page_url     the page that shows it
    title, author, licence, licence_url   as the search states them
    status       `ok`, or why no picture was kept (see `crawlers.items.Status`)
    reason       a few words for people, '' when the status is `ok`
    sha256       of the picture's bytes, '' when none were kept
    file         where they lie, relative to the manifest: <query>/<sha256>.<extension by content>
    label        what the picture should show: the class itself, or `unknown` where the query is a distractor

Rows are sorted by the order of the queries in `params.yaml` and by rank. UTF-8, lines end in "\\n".
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from crawlers.items import Picture, Status


def in_order(pictures: Iterable[Picture], queries: Sequence[str]) -> list[Picture]:
    """Sort `pictures` by the place of their query in `queries`, then by rank."""
    place = {query: index for index, query in enumerate(queries)}
    return sorted(pictures, key=lambda picture: (place[picture.query], picture.rank))


def count_statuses(pictures: Iterable[Picture], queries: Sequence[str]) -> dict[str, Counter[Status]]:
    """Count for each query, found or not, how many of its results ended in which status."""
    counts: dict[str, Counter[Status]] = {query: Counter() for query in queries}
    for picture in pictures:
        counts[picture.query][picture.status] += 1
    return counts


def summarise(counts: dict[str, Counter[Status]]) -> str:
    """Lay out `counts` as a plain-text table: results, kept, and a column for each failure that occurred."""
    total = sum(counts.values(), Counter[Status]())
    failures = [status for status in Status if status is not Status.OK and total[status]]
    rows = [["query", "results", "kept", *failures]]
    for query, count in [*counts.items(), ("all", total)]:
        rows.append(
            [query, *map(str, (count.total(), count[Status.OK], *(count[kind] for kind in failures)))]
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        row[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        for row in rows
    )
