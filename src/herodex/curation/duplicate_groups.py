"""Clusters of images that are copies of each other, and which one of each stays."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

EXACT_DUPLICATE, NEAR_DUPLICATE, CONFLICT = "exact_duplicate", "near_duplicate", "conflict"
ID_DIGITS = 12


def same_values(values: Sequence[str]) -> np.ndarray:
    """Pair every value with its first occurrence; an empty one is like no other. Returns int [pairs, 2]."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(value, j), j) for j, value in enumerate(values) if value]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], int).reshape(-1, 2)


def clusters(pairs: np.ndarray, n: int) -> np.ndarray:
    """Join pairs into groups, by connected components.

    Returns:
        int [n], the number of each position's group.
    """
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return connected_components(graph, directed=False)[1]


def mark_duplicates(
    manifest: pd.DataFrame,
    pairs: np.ndarray,
    chosen: np.ndarray | None = None,
    refused: np.ndarray | None = None,
) -> pd.DataFrame:
    """Give copies a common `cluster`, and keep one row of each: the one with most pixels.

    Only rows that are still kept are judged. A cluster whose rows carry several labels contradicts itself, so
    all of it is set aside as `conflict`. A person's word comes first: rows that a person chose stay, and the
    first of them settles what its cluster shows. A row that a person refused goes, and takes the rest of its
    cluster with it where it would have been the one to stay; its label counts for nothing in a conflict.

    Args:
        manifest: with `kept`, `dropped_for`, `duplicate_of`, `sha256`, `pixel_sha256`, `label`, `width` and
            `height`.
        pairs: int [n, 2], positions of rows that are copies of each other.
        chosen: bool [rows], those that a person keeps.
        refused: bool [rows], those that a person drops.

    Returns:
        the manifest with `cluster` (the least sha256 of its rows, shortened), `duplicate_of`, `kept` and
        `dropped_for`.
    """
    marked = manifest.copy()
    group = clusters(pairs, len(marked))
    has_image = marked["sha256"] != ""
    ids = marked["sha256"].where(has_image, "~").groupby(group).transform("min")
    marked["cluster"] = ids.str[:ID_DIGITS].where(has_image, "")
    exact = clusters(
        np.concatenate([same_values(list(marked[name])) for name in ("sha256", "pixel_sha256")]), len(marked)
    )
    nobody = np.zeros(len(marked), bool)
    chosen, refused = (nobody if said is None else said for said in (chosen, refused))
    pixels = (marked["width"].astype(int) * marked["height"].astype(int)).tolist()
    hashes, labels = marked["sha256"].tolist(), marked["label"].tolist()
    members: dict[int, list[int]] = {}
    for row in np.flatnonzero((marked["kept"] == "1").to_numpy()).tolist():
        members.setdefault(int(group[row]), []).append(row)
    outcome = {name: marked[name].tolist() for name in ("kept", "dropped_for", "duplicate_of")}

    def drop(row: int, reason: str, duplicate_of: str = "") -> None:
        outcome["kept"][row], outcome["dropped_for"][row], outcome["duplicate_of"][row] = (
            "0",
            reason,
            duplicate_of,
        )

    for rows in members.values():
        rows.sort(key=lambda row: (not chosen[row], -pixels[row], hashes[row], row))
        best = rows[0]
        if not chosen[best]:
            claimed = {labels[row] for row in rows if not refused[row]}
            if len(claimed) > 1:
                for row in rows:
                    if not refused[row]:
                        drop(row, CONFLICT)
                continue
            best = next((row for row in rows if labels[row] in claimed), best)
        stay = {hashes[best]}
        for row in rows:
            # Said of an image, not of a result: one copy of the same bytes is enough.
            if chosen[row] and hashes[row] not in stay:
                stay.add(hashes[row])
            elif row != best:
                drop(row, EXACT_DUPLICATE if exact[row] == exact[best] else NEAR_DUPLICATE, hashes[best])
    return marked.assign(**outcome)
