"""Groups of pictures that are copies of each other."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BLOCK = 1024
"""Rows compared with all others at a time, which bounds the memory."""


def near_hashes(hashes: np.ndarray, others: np.ndarray, distance: int) -> np.ndarray:
    """Find pairs of 64-bit hashes that differ in few bits.

    Args:
        hashes: uint64 [n], one for each picture.
        others: uint64 [n], what they are compared with: the same hashes, or those of the mirrored pictures.
        distance: the number of bits in which a pair may differ.

    Returns:
        int [pairs, 2], positions i < j.
    """
    return _pairs(
        len(hashes), lambda rows: np.bitwise_count(hashes[rows, None] ^ others[None, :]) <= distance
    )


def near_features(features: np.ndarray, similarity: float) -> np.ndarray:
    """Find pairs of feature vectors whose cosine is at least `similarity`.

    Args:
        features: float32 [n, d].
        similarity: cosine, at most 1.

    Returns:
        int [pairs, 2], positions i < j.
    """
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(norms, np.finfo(np.float32).tiny)
    return _pairs(len(unit), lambda rows: unit[rows] @ unit.T >= similarity)


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


def _pairs(n: int, alike_in: Callable[[slice], np.ndarray]) -> np.ndarray:
    found = [np.empty((0, 2), int)]
    for start in range(0, n, BLOCK):
        rows = slice(start, min(start + BLOCK, n))
        pairs = np.argwhere(alike_in(rows)) + np.array([start, 0])
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)
