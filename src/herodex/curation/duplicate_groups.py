"""Duplicate groups, and the choice of the image to keep in each."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int
from scipy.sparse import coo_array, csgraph

from herodex.dataset.manifest import stated

EXACT_DUPLICATE, NEAR_DUPLICATE, LABEL_CONFLICT = "exact_duplicate", "near_duplicate", "label_conflict"
ID_DIGITS = 12
ALL_PAIRED, PAIRED = 128, 8
"""Images of a group up to which all are paired, and the following ones that each is paired with beyond."""


def same_values(values: Sequence[str]) -> Int[np.ndarray, "pairs 2"]:
    """Pair every value with its first occurrence; empty values are never paired."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, j), j) for j, value in enumerate(values) if value]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], int).reshape(-1, 2)


def pairs_within(groups: Sequence[str], images: Sequence[str]) -> Int[np.ndarray, "pairs 2"]:
    """Pair the members of each group; an image that occurs several times is paired once.

    In a group of more than `ALL_PAIRED` images, each is paired with the next `PAIRED`, in a circle.

    Args:
        groups: of each position; empty if it has none.
        images: equal for positions with the same image.

    Returns:
        positions i < j.
    """
    first: dict[str, dict[str, int]] = {}
    for place, (group, image) in enumerate(zip(groups, images, strict=True)):
        if group:
            first.setdefault(group, {}).setdefault(image, place)
    pairs = [pair for places in first.values() for pair in _pairs_of(list(places.values()))]
    return np.array(pairs, int).reshape(-1, 2)


def _pairs_of(places: list[int]) -> Iterable[tuple[int, int]]:
    n = len(places)
    if n <= ALL_PAIRED:
        return combinations(places, 2)
    ends = ((places[i], places[(i + step) % n]) for i in range(n) for step in range(1, PAIRED + 1))
    return ((min(pair), max(pair)) for pair in ends)


def connected_groups(pairs: Int[np.ndarray, "pairs 2"], n: int) -> Int[np.ndarray, " n"]:
    """Number the connected component of each of `n` positions."""
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return cast(Any, csgraph).connected_components(graph, directed=False)[1]


def join_groups(manifest: pd.DataFrame) -> pd.DataFrame:
    """Join the duplicate groups of all images of each of the user's groups.

    Args:
        manifest: with `duplicate_group`, and `group` if the user has groups.

    Returns:
        the manifest with `duplicate_group`, the smallest one of those that are joined.
    """
    ids = manifest["duplicate_group"]
    has_image, groups = (ids != "").to_numpy(), stated(manifest, "group").to_numpy(str)
    pairs = [same_values(np.where(has_image, values, "").tolist()) for values in (ids.to_numpy(str), groups)]
    together = connected_groups(np.concatenate(pairs), len(manifest))
    return manifest.assign(duplicate_group=ids.groupby(together).transform("min"))


@dataclass(frozen=True)
class _Rows:
    """The columns that decide which row of a group is kept."""

    preferred: Bool[np.ndarray, " n"]
    hashes: list[str]
    labels: list[str]
    exact: Int[np.ndarray, " n"]
    chosen: Bool[np.ndarray, " n"]
    refused: Bool[np.ndarray, " n"]


def mark_duplicates(
    manifest: pd.DataFrame,
    pairs: Int[np.ndarray, "pairs 2"],
    chosen: Bool[np.ndarray, " n"] | None = None,
    refused: Bool[np.ndarray, " n"] | None = None,
    related: Int[np.ndarray, "related 2"] | None = None,
    preferred: Bool[np.ndarray, " n"] | None = None,
) -> pd.DataFrame:
    """Assign duplicate groups and keep the row with the most pixels among duplicates.

    Only kept rows are compared. Duplicates with several labels are all dropped, as `label_conflict`.
    Review decisions take precedence: a chosen row stays and decides the label of its group; a refused row is
    dropped, has no say in the label, and takes its group with it if it would have been the row to keep.

    Args:
        manifest: with `kept`, `dropped_for`, `duplicate_of`, `sha256`, `pixel_sha256`, `query`, `label`,
            `width` and `height`.
        pairs: positions of rows that are duplicates of each other.
        chosen: the rows that a person keeps.
        refused: the rows that a person drops.
        related: positions of rows that share a group although both may be kept.
        preferred: the rows that are kept rather than larger ones.

    Returns:
        the manifest with `duplicate_group` (the smallest sha256 of its rows, shortened), `duplicate_of`,
        `kept` and `dropped_for`.
    """
    n, nobody = len(manifest), np.zeros(len(manifest), bool)
    group = connected_groups(pairs, n)
    together = group if related is None else connected_groups(np.concatenate([pairs, related]), n)
    has_image = manifest["sha256"] != ""
    ids = manifest["sha256"].where(has_image, "~").groupby(together).transform("min")
    equal = [same_values(manifest[name].tolist()) for name in ("sha256", "pixel_sha256")]
    rows = _Rows(
        nobody if preferred is None else preferred,
        manifest["sha256"].tolist(),
        manifest["label"].tolist(),
        connected_groups(np.concatenate(equal), n),
        nobody if chosen is None else chosen,
        nobody if refused is None else refused,
    )
    pixels: list[int] = (manifest["width"].astype(int) * manifest["height"].astype(int)).tolist()
    queries: list[str] = manifest["query"].tolist()
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero((manifest["kept"] == "1").to_numpy()).tolist():
        members.setdefault(int(group[row]), []).append(row)
    kept, dropped_for, duplicate_of = (
        manifest[name].tolist() for name in ("kept", "dropped_for", "duplicate_of")
    )
    for places in members.values():
        # By the query, too: the same bytes found by two distractors teach the one whose row is kept.
        ranked = sorted(
            places,
            key=lambda row: (
                not rows.chosen[row],
                not rows.preferred[row],
                -pixels[row],
                rows.hashes[row],
                queries[row],
                row,
            ),
        )
        for row, reason, original in _rows_to_drop(ranked, rows):
            kept[row], dropped_for[row], duplicate_of[row] = "0", reason, original
    return manifest.assign(
        duplicate_group=ids.str[:ID_DIGITS].where(has_image, ""),
        kept=kept,
        dropped_for=dropped_for,
        duplicate_of=duplicate_of,
    )


def _rows_to_drop(ranked: list[int], rows: _Rows) -> Iterator[tuple[int, str, str]]:
    """Yield the rows of a group to drop, each with its reason and the sha256 of the row to keep."""
    best = ranked[0]
    if not rows.chosen[best]:
        labels = {rows.labels[row] for row in ranked if not rows.refused[row]}
        if len(labels) > 1:
            yield from ((row, LABEL_CONFLICT, "") for row in ranked if not rows.refused[row])
            return
        best = next((row for row in ranked if rows.labels[row] in labels), best)
    staying = {rows.hashes[best]}
    for row in ranked:
        # A decision is about an image, which several search results may have: one row is enough.
        if rows.chosen[row] and rows.hashes[row] not in staying:
            staying.add(rows.hashes[row])
        elif row != best:
            is_exact = rows.exact[row] == rows.exact[best]
            yield row, EXACT_DUPLICATE if is_exact else NEAR_DUPLICATE, rows.hashes[best]
