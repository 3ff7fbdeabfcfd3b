"""Limits on the images that near duplicates may take from a query, and on the size of duplicate groups.

The check assumes that most images of a query differ. Where it finds more than a limit, the images are of a
kind that it cannot tell apart, and it takes none of them.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from herodex.curation.duplicate_groups import NEAR_DUPLICATE, connected_groups, mark_duplicates
from herodex.curation.duplicate_pairs import DUPLICATE_GROUP, ScoredPairs
from herodex.params import CleanImagesParams

MAX_DROPPED = 0.25
"""Largest share of a query's images dropped as near duplicates; image searches stay below 0.1."""
MAX_GROUP = 0.5
"""Largest share of a query's images in one duplicate group: folds and parts need images of several groups."""
ALWAYS_ALLOWED = 5
"""Images that may be dropped or grouped in a query of any size."""

Pairs = Int[np.ndarray, "_pairs 2"]


@dataclass(frozen=True)
class Off:
    """A check that is switched off for the images of a query.

    Attributes:
        check: a value of `dropped_for`, or DUPLICATE_GROUP.
        reason: in words.
    """

    check: str
    reason: str

    def __str__(self) -> str:
        return f"{self.check}: {self.reason}"


ChecksOff = dict[str, list[Off]]
"""The checks that are switched off, by query."""


def mark_within_limits(
    manifest: pd.DataFrame,
    exact: Pairs,
    scored: ScoredPairs,
    params: CleanImagesParams,
    chosen: Bool[np.ndarray, " n"] | None = None,
    refused: Bool[np.ndarray, " n"] | None = None,
    preferred: Bool[np.ndarray, " n"] | None = None,
) -> tuple[pd.DataFrame, ChecksOff]:
    """Drop near duplicates and group related images, unless the limits are exceeded.

    A near duplicate of an image with another label stays, and shares its group: only equal bytes or pixels
    prove a label conflict. A chosen row decides the label of its near duplicates.

    Args:
        manifest: see `mark_duplicates`; with `query`.
        exact: pairs of rows with equal bytes or pixels.
        scored: the other candidate pairs.
        params: the thresholds.
        chosen: the rows that a person keeps.
        refused: the rows that a person drops.
        preferred: the rows that are kept rather than larger ones.

    Returns:
        the result of `mark_duplicates`, and the checks that are switched off.
    """
    related, off = limit_groups(manifest, exact, scored, params)
    strong = scored.at_least(params.near_detail)
    groups = connected_groups(np.concatenate([exact, related]), len(manifest))
    labels = manifest["label"].to_numpy(str)
    decided = np.zeros(len(manifest), bool) if chosen is None else chosen
    one_label = (labels[strong[:, 0]] == labels[strong[:, 1]]) | decided[strong].any(axis=1)
    near = strong[one_label & (groups[strong[:, 0]] == groups[strong[:, 1]])]
    marked = mark_duplicates(manifest, np.concatenate([exact, near]), chosen, refused, related, preferred)
    over = _over_limit(manifest, marked)
    if over:
        unsuited = manifest["query"].isin(list(over)).to_numpy()
        near = near[~unsuited[near].any(axis=1) | decided[near].any(axis=1)]
        marked = mark_duplicates(manifest, np.concatenate([exact, near]), chosen, refused, related, preferred)
    return marked, {
        query: [*off.get(query, []), *over.get(query, [])] for query in sorted(off.keys() | over.keys())
    }


def _over_limit(manifest: pd.DataFrame, marked: pd.DataFrame) -> ChecksOff:
    """Return the queries that would lose more near duplicates than the limit."""
    compared: list[str] = manifest["query"][manifest["kept"] == "1"].tolist()
    dropped: list[str] = marked["query"][
        (marked["dropped_for"] == NEAR_DUPLICATE) & (manifest["kept"] == "1")
    ].tolist()
    images, over = Counter(compared), ChecksOff()
    for query, count in Counter(dropped).items():
        limit = max(ALWAYS_ALLOWED, int(MAX_DROPPED * images[query]))
        if count > limit:
            reason = f"it would drop {count} of {images[query]} images, more than the limit of {limit}"
            over[query] = [Off(NEAR_DUPLICATE, reason)]
    return over


def limit_groups(
    manifest: pd.DataFrame, exact: Pairs, scored: ScoredPairs, params: CleanImagesParams
) -> tuple[Pairs, ChecksOff]:
    """Select the pairs that form duplicate groups, so that none holds most of a query's images.

    In a group that is too large, only near duplicates are paired; if that is not enough, only equal images.

    Returns:
        the pairs besides `exact`, and the queries whose groups are divided.
    """
    detail, pairs = scored.detail, scored.pairs
    levels = (params.near_detail, np.inf)
    pairs, detail = pairs[detail >= params.related_detail], detail[detail >= params.related_detail]
    off: ChecksOff = {}
    for level in levels:
        large, queries = _large_groups(manifest, np.concatenate([exact, pairs]))
        for query, size in queries.items():
            reason = f"one group would hold {size} images, more than {MAX_GROUP:.0%} of them"
            off[query] = [Off(DUPLICATE_GROUP, reason)]
        kept = (detail >= level) | ~large[pairs].any(axis=1)
        pairs, detail = pairs[kept], detail[kept]
    return pairs, off


def _large_groups(manifest: pd.DataFrame, pairs: Pairs) -> tuple[Bool[np.ndarray, " n"], dict[str, int]]:
    """Return the rows in groups with too many different images of a query, and the queries' largest sizes."""
    group = connected_groups(pairs, len(manifest))
    queries, pixels = manifest["query"].tolist(), manifest["pixel_sha256"].tolist()
    compared = np.flatnonzero((manifest["kept"] == "1").to_numpy()).tolist()
    members = {(queries[row], int(group[row]), pixels[row]) for row in compared}
    images, sizes = Counter(query for query, _, _ in members), Counter(member[:2] for member in members)
    large = {
        (query, number): size
        for (query, number), size in sizes.items()
        if size > max(MAX_GROUP * images[query], ALWAYS_ALLOWED)
    }
    largest: dict[str, int] = {}
    for (query, _), size in large.items():
        largest[query] = max(size, largest.get(query, 0))
    return np.isin(group, [number for _, number in large]), largest


def describe_off(off: ChecksOff, queries: "pd.Series[str]") -> list[str]:
    """Return the checks that are switched off for each row's query, as text."""
    return ["; ".join(map(str, off.get(query, []))) for query in queries]
