"""Which of many hashes, or features, lie near each other, without comparing all pairs.

faiss looks them up: hashes in a multi-index, which misses nothing (Norouzi, Punjani, Fleet 2012), features in
an HNSW graph (Malkov, Yashunin 2016), which misses little. One thread builds the graph, in the order of the
rows, and every pair found is measured again, so that the result depends on the rows alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import faiss
import numpy as np

CHUNKS, CHUNK_BITS = 4, 16
"""A hash of 64 bits is looked up by each of its quarters."""
COMPARED = 4096
"""Up to so many feature vectors all pairs are compared, which is as quick as a graph."""
BLOCK = 1024
"""Rows compared with all others at a time, which bounds the memory."""
LINKS, BUILD_WIDTH, SEARCH_WIDTH = 24, 64, 64
"""Of the graph: links of a node, and candidates kept while one is inserted or looked for."""
NEIGHBOURS = 24
"""Nearest vectors that are looked at; of a larger crowd of copies each is still tied to its nearest ones."""
SLACK = 1e-4
"""By how much a similarity found in single precision may be off."""


def near_hashes(hashes: np.ndarray, others: np.ndarray, distance: int) -> np.ndarray:
    """Find pairs of 64-bit hashes that differ in few bits.

    Args:
        hashes: uint64 [n], one for each image.
        others: uint64 [n], what they are compared with: the same hashes, or those of the mirrored images.
        distance: the number of bits in which a pair may differ, below 16.

    Returns:
        int [pairs, 2], positions i < j, sorted.
    """
    if len(hashes) == 0:
        return np.empty((0, 2), int)
    index = faiss.IndexBinaryMultiHash(64, CHUNKS, CHUNK_BITS)
    # Bits that differ fall on four quarters: one of these has a quarter of them at most.
    index.nflip = distance // CHUNKS
    with one_thread():
        index.add(np.ascontiguousarray(others).view(np.uint8).reshape(-1, 8))
        queries = np.ascontiguousarray(hashes).view(np.uint8).reshape(-1, 8)
        limits, _, found = index.range_search(queries, distance + 1)
    rows = np.repeat(np.arange(len(hashes)), np.diff(limits.astype(np.int64)))
    pairs = np.stack([rows, found.astype(np.int64)], axis=1)
    differing = np.bitwise_count(hashes[pairs[:, 0]] ^ others[pairs[:, 1]])
    return _in_order(pairs[differing <= distance])


def near_features(features: np.ndarray, similarity: float) -> np.ndarray:
    """Find pairs of feature vectors whose cosine is at least `similarity`.

    Args:
        features: float32 [n, d].
        similarity: cosine, at most 1.

    Returns:
        int [pairs, 2], positions i < j, sorted.
    """
    unit = unit_vectors(features)
    if len(unit) <= COMPARED:
        candidates = pairs_between(unit, unit, similarity - SLACK)
    else:
        candidates = _graph_pairs(unit, similarity - SLACK)
    return _in_order(candidates[cosines(unit, candidates) >= similarity])


def unit_vectors(features: np.ndarray) -> np.ndarray:
    """Scale vectors float32 [n, d] to length 1; those of nothing but zeros stay."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(norms, np.finfo(np.float32).tiny)


def pairs_between(unit: np.ndarray, others: np.ndarray, similarity: float) -> np.ndarray:
    """Compare all rows of two sets of unit vectors, [n, d] and [m, d].

    Returns:
        int [pairs, 2], a position in each, of those whose cosine is at least `similarity`.
    """
    found = [np.empty((0, 2), np.int64)]
    for start in range(0, len(unit), BLOCK):
        alike = np.argwhere(unit[start : start + BLOCK] @ others.T >= similarity)
        found.append(alike + np.array([start, 0]))
    return np.concatenate(found)


def cosines(unit: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Measure pairs [n, 2] of unit vectors in double precision, the same on any number of threads."""
    measured = [np.empty(0)]
    for start in range(0, len(pairs), BLOCK):
        left, right = (unit[side].astype(np.float64) for side in pairs[start : start + BLOCK].T)
        measured.append(np.einsum("ij,ij->i", left, right))
    return np.concatenate(measured)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let faiss use one thread, and as many as before afterwards."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def _graph_pairs(unit: np.ndarray, similarity: float) -> np.ndarray:
    graph = faiss.IndexHNSWFlat(unit.shape[1], LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = BUILD_WIDTH, SEARCH_WIDTH
    with one_thread():
        graph.add(unit)
        found_similarities, found = graph.search(unit, NEIGHBOURS)
    rows, places = np.nonzero((found_similarities >= similarity) & (found >= 0))
    return np.stack([rows, found[rows, places]], axis=1)


def _in_order(pairs: np.ndarray) -> np.ndarray:
    pairs = np.sort(pairs, axis=1)
    return np.unique(pairs[pairs[:, 0] < pairs[:, 1]], axis=0)
