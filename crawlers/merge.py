"""Merge the search results of several sources."""

import math
from collections.abc import Sequence

from crawlers.items import Search, SearchResult


def most_of_one(count: int, sources: int, largest_share: float) -> int:
    """Return how many of `count` results one source may give; a single source may give all."""
    return count if sources == 1 else math.ceil(count * largest_share)


def merge(searches: Sequence[Search], count: int, largest_share: float) -> list[SearchResult]:
    """Merge the results of one query: up to its share from the first source, then from the next.

    A URL that an earlier source or rank gave is skipped.

    Args:
        searches: the search of each source, in the order of preference.
        count: the number of results wanted.
        largest_share: the largest share of `count` from one of several sources.

    Returns:
        at most `count` results, by source and rank.
    """
    most = most_of_one(count, len(searches), largest_share)
    taken: list[SearchResult] = []
    known: set[str] = set()
    for search in searches:
        given = 0
        for result in search.results:
            if given == most or len(taken) == count:
                break
            if len(searches) > 1 and result.image_url in known:
                continue
            known.add(result.image_url)
            taken.append(result)
            given += 1
    return taken
