"""Index of feature vectors: approximate nearest neighbours in bounded memory.

Vectors are projected to 128 numbers, rounded to 8-bit integers, and put on lists, each around one of the
vectors; a query looks through the lists around the closest ones (faiss's inverted file, Jégou, Douze, Schmid
2011). Sums of such integers are exact, so the result depends neither on the CPU nor on threads.

Recall among 30,000 drawn vectors of ten classes, a tenth of them duplicates: 2,998 of 3,000 duplicates with a
cosine of about 0.89, 2,930 of 2,945 with one of about 0.85. The search grows as n to the power of 1.5, with a
small factor: 1.5 s of CPU for these.
"""

from functools import partial
from typing import Any

import faiss
import numpy as np
from jaxtyping import Float32, Int, Int8, Int64

from herodex.dataset.feature_table import BLOCK, Vectors
from herodex.params import ScaleParams
from herodex.scale.engine import LOCAL
from herodex.scale.parallel import in_turn

WIDTH = 128
"""Numbers per vector; the cosine of two vectors at 0.8 has a standard error of 0.03 by them."""
SCALE = 320.0
"""Factor before rounding: 127 is four and a half standard deviations of a number in a unit vector."""
MARGIN = 0.1
"""By how much less than the cosine asked for the approximate one may be: three standard errors."""
SHORTLIST = 3
"""Candidates by the projection per neighbour asked for."""
LISTS, PROBES = 4, 48
"""Lists per square root of the number of vectors, and those that a query looks through."""
MOST_SCANNED = 32_768
"""Vectors that a query is compared with at most, whatever the lengths of the lists."""
QUERIES = 8192
"""Queries, or vectors to project, at a time, which bounds the memory; on Ray, those of a task."""


def project(
    vectors: Vectors, rows: Int[np.ndarray, " n"], scale: ScaleParams = LOCAL
) -> Int8[np.ndarray, "n 128"]:
    """Project vectors to unit length and `WIDTH` 8-bit integers; the signs of the projection are random."""
    found = in_turn(
        partial(_project_some, vectors, rows), range(0, len(rows), QUERIES), "project features", scale
    )
    return np.concatenate([np.empty((0, WIDTH), np.int8), *found])


def _project_some(vectors: Vectors, rows: Int[np.ndarray, " n"], start: int) -> Int8[np.ndarray, "some 128"]:
    some = rows[start : start + QUERIES]
    found = np.zeros((len(some), WIDTH), np.int8)
    signs: np.ndarray | None = None
    for place in range(0, len(some), BLOCK):
        block = vectors[some[place : place + BLOCK]].astype(np.float64)
        if signs is None:
            signs = np.random.default_rng(0).integers(0, 2, (block.shape[1], WIDTH)) * 2.0 - 1
        short = block @ signs
        length = np.maximum(np.linalg.norm(short, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        found[place : place + BLOCK] = np.clip(np.rint(SCALE * short / length), -127, 127)
    return found


def nearest(
    stored: Int8[np.ndarray, "n 128"], queries: Int8[np.ndarray, "m 128"], k: int, scale: ScaleParams = LOCAL
) -> tuple[Float32[np.ndarray, "m k"], Int64[np.ndarray, "m k"]]:
    """Find the k nearest stored vectors of each query, -1 for those that are not found.

    Returns:
        approximate cosines, and positions.
    """
    count = max(1, round(LISTS * len(stored) ** 0.5))
    centres = np.unique(stored[np.linspace(0, len(stored) - 1, count).astype(int)], axis=0)
    coarse: Any = faiss.IndexFlatIP(WIDTH)
    coarse.add(centres.astype(np.float32))
    coding: Any = faiss.ScalarQuantizer
    index: Any = faiss.IndexIVFScalarQuantizer(
        coarse, WIDTH, len(centres), coding.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT, False
    )
    index.train(centres.astype(np.float32))
    for start in range(0, len(stored), QUERIES):
        index.add(stored[start : start + QUERIES].astype(np.float32))
    similarities = np.empty((len(queries), k), np.float32)
    places = np.empty((len(queries), k), np.int64)
    starts = range(0, len(queries), QUERIES)
    # Ray sends the index to the nodes once.
    found = in_turn(partial(_search_some, index, queries, k), starts, "find near duplicates", scale)
    for start, answers in zip(starts, found, strict=True):
        part = slice(start, start + QUERIES)
        similarities[part], places[part] = answers
    return similarities / np.float32(SCALE * SCALE), places


def _search_some(
    index: Any, queries: Int8[np.ndarray, "m 128"], k: int, start: int
) -> tuple[Float32[np.ndarray, "some k"], Int64[np.ndarray, "some k"]]:
    search: Any = faiss.SearchParametersIVF
    settings = search(nprobe=PROBES, max_codes=MOST_SCANNED)
    return index.search(queries[start : start + QUERIES].astype(np.float32), k, params=settings)


def nearest_pairs(
    vectors: Vectors,
    queries: Int[np.ndarray, " m"],
    stored: Int[np.ndarray, " n"],
    similarity: float,
    k: int,
    scale: ScaleParams = LOCAL,
) -> Int[np.ndarray, "pairs 2"]:
    """Pair each query with candidates for its k nearest stored vectors of at least about a cosine similarity.

    Args:
        vectors: all of them.
        queries: positions.
        stored: positions of the vectors to look through.
        similarity: a cosine.
        k: neighbours to find.
        scale: the engine that runs a task for some vectors.

    Returns:
        positions of a query and a stored vector.
    """
    if len(queries) == 0 or len(stored) == 0:
        return np.empty((0, 2), int)
    projected = project(vectors, stored, scale)
    asked = projected if queries is stored else project(vectors, queries, scale)
    similarities, places = nearest(projected, asked, min(SHORTLIST * k, len(stored)), scale)
    near = (places >= 0) & (similarities >= similarity - MARGIN)
    rows, ranks = np.nonzero(near)
    return np.stack([queries[rows], stored[places[rows, ranks]]], axis=1)
