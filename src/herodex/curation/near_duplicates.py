"""Search for similar hashes and feature vectors, in time that grows almost linearly.

Hashes are sorted by parts of their bits, and features beyond a size are found by an index (see
`feature_index`). Every candidate pair is compared again, features in double precision, so the result depends
on the rows alone.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import comb

import numpy as np
from jaxtyping import Bool, Float, Float64, Int, Integer, UInt64

from herodex.curation.feature_index import nearest_pairs
from herodex.dataset.feature_table import BLOCK, Vectors
from herodex.params import ScaleParams
from herodex.scale.engine import LOCAL
from herodex.scale.parallel import in_turn

log = logging.getLogger(__name__)

SORT_COST = 8
"""Time to sort a hash by one part, in comparisons."""
COMPARED_AT_ONCE = 2**19
"""Hash pairs compared at a time, which bounds the memory."""
ALWAYS_EXACT = 20_000
"""Hashes, or feature vectors of different parts, up to which every pair is found."""
MOST_COMPARED, WINDOW = 2_000, 64
"""Comparisons per hash from which each is compared with so many following ones of equal parts only."""
CROWD = 64
"""Images of one hash up to which all are paired; in larger crowds, each is paired with `CLOSEST` others."""
EXHAUSTIVE_MAX = 4096
"""Most feature vectors that are compared pairwise within one set."""
CLOSEST = 8
"""Near duplicates looked for per image by features; larger groups stay connected through them."""
PRUNED_FROM = 64
"""Similar vectors per row beyond which only the closest ones of each are kept, which bounds the memory."""
MEASURED_AT_ONCE = 32 * BLOCK
"""Pairs whose cosines a task on Ray computes."""
SLACK = 1e-4
"""Margin for the rounding of similarities in single precision."""


@dataclass(frozen=True)
class Tables:
    """Sets of bits to sort hashes by, so that near ones become neighbours.

    Attributes:
        parts: masks of disjoint bits.
        chosen: the parts of each table: all combinations of as many parts as near hashes have in common.
        comparisons: pairs of hashes with equal bits in a table.
    """

    parts: UInt64[np.ndarray, " parts"]
    chosen: list[tuple[int, ...]]
    comparisons: int

    def mask(self, table: tuple[int, ...]) -> np.uint64:
        """Return the bits of a table."""
        return np.bitwise_or.reduce(self.parts[list(table)]) if table else np.uint64(0)


def near_hashes(
    hashes: UInt64[np.ndarray, " n"], others: UInt64[np.ndarray, " n"], distance: int
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of 64-bit hashes within a Hamming distance.

    All pairs are found, with two exceptions. In a crowd of images with one hash, or with two near ones, each
    is paired with `CLOSEST` others, which keeps the crowd connected. If there are more than `ALWAYS_EXACT`
    different hashes, so many of them near each other that each would have to be compared with `MOST_COMPARED`
    others, some pairs are not found, and the log says so.

    Args:
        hashes: one per image.
        others: hashes to compare with: the same ones, or those of the mirrored images.
        distance: below 16.

    Returns:
        positions i < j, sorted.
    """
    values, codes = np.unique(np.concatenate([hashes, others]), return_inverse=True)
    left, right = (_Crowds.of(side, len(values)) for side in (codes[: len(hashes)], codes[len(hashes) :]))
    near = _near_values(values, distance)
    same = np.repeat(np.arange(len(values))[:, None], 2, axis=1)
    near = np.concatenate([same, near, near[:, ::-1]])
    return _in_order(_members(near, left, right))


def plan_tables(values: UInt64[np.ndarray, " n"], distance: int) -> Tables:
    """Select the tables that find all near hashes with the least work.

    Of `distance + k` disjoint parts, near hashes have at least k in common. More parts mean more tables with
    fewer comparisons; how many depends on the hashes, which are not uniform.
    """
    best, least = None, np.inf
    for common in range(len(values).bit_length()):
        count = distance + common
        sorting = comb(count, common) * len(values) * SORT_COST
        if best and sorting >= least:
            break
        parts = np.array(
            [sum(1 << bit for bit in range(part, 64, count)) for part in range(count)], np.uint64
        )
        tables = Tables(parts, list(combinations(range(count), common)), 0)
        comparisons = sum(_equal_pairs(values & tables.mask(table)) for table in tables.chosen)
        if sorting + comparisons < least:
            best, least = Tables(parts, tables.chosen, comparisons), sorting + comparisons
    return best or Tables(np.empty(0, np.uint64), [], 0)


def _equal_pairs(keys: UInt64[np.ndarray, " n"]) -> int:
    lengths = np.diff(_run_starts(np.sort(keys)))
    return int((lengths * (lengths - 1) // 2).sum())


def _run_starts(keys: Integer[np.ndarray, " n"]) -> Int[np.ndarray, " runs"]:
    """Return the starts of runs of equal values, and the end."""
    return np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1, [len(keys)]])


def _near_values(values: UInt64[np.ndarray, " n"], distance: int) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of different hashes within a distance, each once."""
    tables = plan_tables(values, distance)
    window = len(values)
    if len(values) > ALWAYS_EXACT and tables.comparisons > MOST_COMPARED * len(values):
        window = WINDOW
        log.warning(
            "near duplicates by hash: too many of %d hashes are alike; each is compared with %d only",
            len(values),
            window,
        )
    found = [np.empty((0, 2), int)]
    for table in tables.chosen:
        order = np.argsort(values & tables.mask(table), kind="stable")
        ends = _run_ends(values[order] & tables.mask(table), window)
        for following in _following(ends):
            pairs = order[following]
            differing = values[pairs[:, 0]] ^ values[pairs[:, 1]]
            near = np.bitwise_count(differing) <= distance
            found.append(pairs[near][_is_first(differing[near], tables, table)])
    return np.concatenate(found)


def _run_ends(keys: UInt64[np.ndarray, " n"], window: int) -> Int[np.ndarray, " n"]:
    """Return, for each place, the end of the places to compare it with."""
    starts = _run_starts(keys)
    ends = np.repeat(starts[1:], np.diff(starts))
    return np.minimum(ends, np.arange(len(keys)) + 1 + window)


def _following(ends: Int[np.ndarray, " n"]) -> Iterator[Int[np.ndarray, "pairs 2"]]:
    """Pair each place with the following ones up to its end, in blocks."""
    places = np.arange(len(ends))
    counts = ends - places - 1
    total = np.concatenate([[0], np.cumsum(counts)])
    start = 0
    while start < len(ends):
        stop = max(start + 1, int(np.searchsorted(total, total[start] + COMPARED_AT_ONCE, "right")) - 1)
        first = np.repeat(places[start:stop], counts[start:stop])
        step = np.arange(len(first)) - np.repeat(total[start:stop] - total[start], counts[start:stop])
        yield np.stack([first, first + 1 + step], axis=1)
        start = stop


def _is_first(
    differing: UInt64[np.ndarray, " pairs"], tables: Tables, table: tuple[int, ...]
) -> Bool[np.ndarray, " pairs"]:
    """Tell whether no earlier table finds a pair, given the bits in which its hashes differ."""
    earlier = [part for part in range(max(table, default=0)) if part not in table]
    return ((differing[:, None] & tables.parts[earlier]) != 0).all(axis=1)


@dataclass(frozen=True)
class _Crowds:
    """The images of each hash: `order[start[i] : start[i] + size[i]]`."""

    order: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " values"]
    size: Int[np.ndarray, " values"]

    @classmethod
    def of(cls, codes: Int[np.ndarray, " n"], values: int) -> "_Crowds":
        size = np.bincount(codes, minlength=values)
        return cls(np.argsort(codes, kind="stable"), np.cumsum(size) - size, size)


def _members(pairs: Int[np.ndarray, "values 2"], left: _Crowds, right: _Crowds) -> Int[np.ndarray, "pairs 2"]:
    """Pair the images of pairs of hashes."""
    one, other = pairs.T
    pairs = pairs[(left.size[one] > 0) & (right.size[other] > 0)]
    one, other = pairs.T
    sizes, widths = left.size[one], right.size[other]
    crowded = sizes * widths > CROWD * CROWD
    rounds = np.where(crowded, np.minimum(np.minimum(sizes, widths), CLOSEST + 1), widths)
    lengths = np.where(crowded, np.maximum(sizes, widths), sizes)
    counts = rounds * lengths
    row = np.repeat(np.arange(len(pairs)), counts)
    step = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    place, turn = np.divmod(step, rounds[row])
    # In a crowd, turn 0 pairs an image with itself where both hashes are equal.
    first, second = place % sizes[row], np.where(crowded[row], place + turn, turn) % widths[row]
    return np.stack(
        [left.order[left.start[one][row] + first], right.order[right.start[other][row] + second]], axis=1
    )


def near_features(
    vectors: Vectors,
    similarity: float,
    rows: Int[np.ndarray, " n"] | None = None,
    k: int = CLOSEST,
    scale: ScaleParams = LOCAL,
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of vectors with at least a cosine similarity, among the k closest ones of either.

    Beyond `EXHAUSTIVE_MAX` vectors, an index finds the candidates.

    Args:
        vectors: of all rows.
        similarity: a cosine.
        rows: the positions to compare, all by default.
        k: pairs per vector.
        scale: the engine that runs a task for some rows, which are compared with all.

    Returns:
        positions i < j, sorted.
    """
    rows = np.arange(len(vectors)) if rows is None else rows
    if len(rows) <= EXHAUSTIVE_MAX:
        # Each task scales all vectors to length 1, so this machine takes one for all rows.
        step = BLOCK if scale.engine == "ray" else max(len(rows), 1)
        parts = [slice(start, start + step) for start in range(0, len(rows), step)]
        search = partial(_near_some, vectors, rows, similarity - SLACK, k + 1)
        found = in_turn(search, parts, "find near duplicates", scale)
        candidates = np.concatenate([np.empty((0, 2), int), *found])
    else:
        candidates = nearest_pairs(vectors, rows, rows, similarity, k + 1, scale)
    candidates = _in_order(candidates)
    similarities = cosines(vectors, candidates, scale)
    near = similarities >= similarity
    return closest(candidates[near], similarities[near], k)


def _near_some(
    vectors: Vectors, rows: Int[np.ndarray, " n"], similarity: float, k: int, part: slice
) -> Int[np.ndarray, "pairs 2"]:
    """Compare a part of the rows with all rows."""
    unit = unit_vectors(vectors[rows])
    found = pairs_between(unit[part], unit, similarity, k)
    return np.stack([rows[part][found[:, 0]], rows[found[:, 1]]], axis=1)


def near_features_between(
    vectors: Vectors,
    left: Int[np.ndarray, " l"],
    right: Int[np.ndarray, " r"],
    similarity: float,
    k: int = CLOSEST,
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs between two sets of vectors with at least a cosine similarity.

    A pair is among the k closest ones of either member. Beyond `ALWAYS_EXACT` vectors, an index finds the
    candidates.

    Args:
        vectors: of both sets.
        left: positions of the first set.
        right: positions of the second set.
        similarity: a cosine.
        k: pairs per vector.

    Returns:
        positions of the first and the second set.
    """
    if len(left) + len(right) <= ALWAYS_EXACT:
        found = pairs_between(unit_vectors(vectors[left]), unit_vectors(vectors[right]), similarity, k)
        pairs = np.stack([left[found[:, 0]], right[found[:, 1]]], axis=1)
        return closest(pairs, cosines(vectors, pairs), k)
    forward = nearest_pairs(vectors, left, right, similarity, k)
    backward = nearest_pairs(vectors, right, left, similarity, k)[:, ::-1]
    pairs = np.unique(np.concatenate([forward, backward]), axis=0)
    similarities = cosines(vectors, pairs)
    near = similarities >= similarity
    return closest(pairs[near], similarities[near], k)


def unit_vectors(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Scale vectors to length 1; zero vectors stay zero."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo(np.float32).tiny)


def pairs_between(
    unit: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"], similarity: float, k: int
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of a row of `unit` and a row of `others` with at least a cosine similarity.

    Where many are as similar, some that are not among the k closest ones of either member are left out.
    """
    found = [np.empty((0, 2), np.int64)]
    closest_so_far = np.full((k, len(others)), -np.inf, unit.dtype)
    for start in range(0, len(unit), BLOCK):
        similarities = unit[start : start + BLOCK] @ others.T
        alike = similarities >= similarity
        if alike.sum() > PRUNED_FROM * len(alike) and len(others) > k:
            by_row = -np.partition(-similarities, k - 1, axis=1)[:, k - 1]
            stacked = np.concatenate([closest_so_far, similarities])
            closest_so_far = np.partition(stacked, len(similarities), axis=0)[len(similarities) :]
            lowest = np.minimum(by_row[:, None], closest_so_far.min(axis=0)) - SLACK
            alike &= similarities >= lowest
        found.append(np.argwhere(alike) + np.array([start, 0]))
    return np.concatenate(found)


def cosines(
    vectors: Vectors, pairs: Int[np.ndarray, "pairs 2"], scale: ScaleParams = LOCAL
) -> Float64[np.ndarray, " pairs"]:
    """Compute cosines of pairs in double precision, the same on any number of threads and nodes."""
    measure = partial(_some_cosines, vectors, pairs)
    found = in_turn(measure, range(0, len(pairs), MEASURED_AT_ONCE), "measure pairs", scale)
    return np.concatenate([np.empty(0), *found])


def _some_cosines(
    vectors: Vectors, pairs: Int[np.ndarray, "pairs 2"], start: int
) -> Float64[np.ndarray, " some"]:
    found: list[np.ndarray] = []
    for place in range(start, min(start + MEASURED_AT_ONCE, len(pairs)), BLOCK):
        left, right = (
            unit_vectors(vectors[side]).astype(np.float64) for side in pairs[place : place + BLOCK].T
        )
        found.append(np.einsum("ij,ij->i", left, right))
    return np.concatenate(found)


def closest(
    pairs: Int[np.ndarray, "pairs 2"], similarities: Float64[np.ndarray, " pairs"], k: int
) -> Int[np.ndarray, "some 2"]:
    """Keep the pairs that are among the k most similar ones of either member."""
    order = np.argsort(-similarities, kind="stable")
    members = pairs[order].ravel()
    by_member = np.argsort(members, kind="stable")
    starts = _run_starts(members[by_member])
    ranks = np.empty(len(members), int)
    ranks[by_member] = np.arange(len(members)) - np.repeat(starts[:-1], np.diff(starts))
    kept = np.zeros(len(pairs), bool)
    kept[order] = ranks.reshape(-1, 2).min(axis=1) < k
    return pairs[kept]


def _in_order(pairs: Int[np.ndarray, "pairs 2"]) -> Int[np.ndarray, "unique 2"]:
    pairs = np.sort(pairs, axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
