"""Nearest-neighbour search for similar hashes and feature vectors.

faiss looks up hashes in a multi-index, which is exact (Norouzi, Punjani, Fleet 2012), and features in an
HNSW graph, which is approximate (Malkov, Yashunin 2016). One thread builds the graph in row order, and
every candidate pair is compared again in double precision, so the result depends on the rows alone.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
from jaxtyping import Float, Float32, Float64, Int, UInt64

CHUNKS, CHUNK_BITS = 4, 16
"""Number and bits of the parts by which a 64-bit hash is looked up."""
EXHAUSTIVE_MAX = 4096
"""Most feature vectors that are compared pairwise, which is as fast as a graph up to here."""
BLOCK = 1024
"""Rows compared at a time, which bounds the memory."""
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 24, 64, 64
"""HNSW's M, efConstruction and efSearch."""
NEIGHBOURS = 24
"""Neighbours looked up per vector; larger groups stay connected through them."""
CLOSEST = 8
"""Near duplicates looked for per image by features; larger groups stay connected through them."""
SLACK = 1e-4
"""Margin for the rounding of similarities in single precision."""


def near_hashes(
    hashes: UInt64[np.ndarray, " n"], others: UInt64[np.ndarray, " n"], distance: int
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of 64-bit hashes within a Hamming distance.

    Args:
        hashes: one per image.
        others: hashes to compare with: the same ones, or those of the mirrored images.
        distance: below 16.

    Returns:
        positions i < j, sorted.
    """
    if len(hashes) == 0:
        return np.empty((0, 2), int)
    index: Any = faiss.IndexBinaryMultiHash(64, CHUNKS, CHUNK_BITS)
    # Of `distance` differing bits, one of the chunks holds at most this many.
    index.nflip = distance // CHUNKS
    with one_thread():
        index.add(np.ascontiguousarray(others).view(np.uint8).reshape(-1, 8))
        queries = np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8)
        limits, _, found = index.range_search(queries, distance + 1)
    rows = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
    pairs = np.stack([rows, found.astype(np.int64)], axis=1)
    differing = np.bitwise_count(hashes[pairs[:, 0]] ^ others[pairs[:, 1]])
    return _in_order(pairs[differing <= distance])


def near_features(features: Float[np.ndarray, "n d"], similarity: float) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of feature vectors with at least a cosine similarity.

    Returns:
        positions i < j, sorted.
    """
    unit = unit_vectors(features)
    if len(unit) <= EXHAUSTIVE_MAX:
        candidates = pairs_between(unit, unit, similarity - SLACK)
    else:
        candidates = _graph_pairs(unit, similarity - SLACK)
    return _in_order(candidates[cosines(unit, candidates) >= similarity])


def unit_vectors(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Scale vectors to length 1; zero vectors stay zero."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo(np.float32).tiny)


def pairs_between(
    unit: Float[np.ndarray, "n d"], others: Float[np.ndarray, "m d"], similarity: float
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of a row of `unit` and a row of `others` with at least a cosine similarity."""
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(unit), BLOCK):
        alike = np.argwhere(unit[start : start + BLOCK] @ others.T >= similarity)
        found.append(alike + np.array([start, 0]))
    return np.concatenate(found)


def cosines(
    unit: Float[np.ndarray, "n d"], pairs: Int[np.ndarray, "pairs 2"]
) -> Float64[np.ndarray, " pairs"]:
    """Compute cosines of pairs in double precision, the same on any number of threads."""
    found = [np.empty(0)]
    for start in range(0, len(pairs), BLOCK):
        left, right = (unit[side].astype(np.float64) for side in pairs[start : start + BLOCK].T)
        found.append(np.einsum("ij,ij->i", left, right))
    return np.concatenate(found)


def closest(
    pairs: Int[np.ndarray, "pairs 2"], similarities: Float64[np.ndarray, " pairs"], k: int
) -> Int[np.ndarray, "some 2"]:
    """Keep the pairs that are among the k most similar ones of either member."""
    order = np.argsort(-similarities, kind="stable")
    counts: dict[int, int] = {}
    kept = np.zeros(len(pairs), bool)
    for at, (one, other) in zip(order.tolist(), pairs[order].tolist(), strict=True):
        ranks = counts.get(one, 0), counts.get(other, 0)
        kept[at] = min(ranks) < k
        counts[one], counts[other] = ranks[0] + 1, ranks[1] + 1
    return pairs[kept]


@contextmanager
def one_thread() -> Generator[None]:
    """Limit faiss to one thread."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _graph_pairs(unit: Float32[np.ndarray, "n d"], similarity: float) -> Int[np.ndarray, "pairs 2"]:
    graph: Any = faiss.IndexHNSWFlat(unit.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = BUILD_WIDTH, SEARCH_WIDTH
    with one_thread():
        graph.add(unit)
        similarities, found = graph.search(unit, NEIGHBOURS)
    rows, places = np.nonzero((similarities >= similarity) & (found >= 0))
    return np.stack([rows, found[rows, places]], axis=1)


def _in_order(pairs: Int[np.ndarray, "pairs 2"]) -> Int[np.ndarray, "unique 2"]:
    pairs = np.sort(pairs, axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
