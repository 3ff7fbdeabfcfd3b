"""Which search results of several sources are taken."""

import math
from collections.abc import Sequence

from crawlers.items import Search, SearchResult


def most_of_one(count: int, sources: int, largest_share: float) -> int:
    """How many of `count` results one of several sources may give; a single source may give them all."""
    return count if sources == 1 else math.ceil(count * largest_share)


def merge(searches: Sequence[Search], count: int, largest_share: float) -> list[SearchResult]:
    """Take results for one query: from the first source as many as it may give, then from the next.

    An address that an earlier source or rank has given is not taken again.

    Args:
        searches: what each source found, in the order of preference.
        count: how many results are wanted.
        largest_share: the share of `count` that one of several sources may have.

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
