"""Which candidate pairs are near duplicates, relative to how alike the images of their query are anyway.

A similarity that is common among the images of a query is no evidence of a duplicate. Random pairs of each
query give the background of local correlation: its median plus three robust standard deviations. The detail
score of a pair is 0 at the background and 1 for equal images.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, UInt8

from herodex.curation.alignment import place, thumbnail
from herodex.curation.local_correlation import local_correlation
from herodex.dataset.feature_table import BLOCK
from herodex.dataset.manifest import ReadImage
from herodex.params import ScaleParams
from herodex.progress import track
from herodex.scale.engine import LOCAL
from herodex.scale.parallel import in_turn, side_by_side

BACKGROUND_PAIRS = 64
"""Random pairs of a query that give its background."""
MOST_BACKGROUND_PAIRS = 20_000
"""Random pairs of all queries; beyond, each query has fewer, but at least `FEWEST_PAIRS`."""
FEWEST_PAIRS = 15
"""Below, which is fewer than six images, the background is that of all queries."""
DEVIATIONS = 3 * 1.4826
"""Median absolute deviations above the median: three standard deviations if the values are normal."""
MAX_BACKGROUND = 0.95
"""Largest background; re-encoding alone takes a duplicate's correlation down to about 0.98."""

USUAL_BACKGROUND = 0.5
"""Background of photographs and drawings, for sets too small to tell."""
DUPLICATE_GROUP = "duplicate_group"
"""Name of the grouping among the checks that are switched off."""
CACHED_IMAGES = 256
"""Images kept in memory, at most 0.8 MB each."""
CACHED_THUMBNAILS = 65_536
"""Thumbnails kept in memory, 3 kB each."""

COMPARED_AT_ONCE = 256
"""Pairs that a thread or a task on Ray compares at a time: seconds of work."""
QUICK_BLOCKS = 8
"""Number of such blocks up to which no progress is shown."""

Compare = Callable[[str, str, float], float]
"""Returns the local correlation of two files, or -1 if they align less than the last argument."""
CompareAll = Callable[[Sequence[str], Int[np.ndarray, "pairs 2"], float], Float[np.ndarray, " pairs"]]
"""Does so for pairs of positions in a list of files."""


@dataclass(frozen=True)
class ScoredPairs:
    """Candidate pairs of rows with their scores.

    Attributes:
        pairs: positions of rows.
        detail: 0 at the background of the pair's queries, 1 for equal images, -1 if the images do not align.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    detail: Float[np.ndarray, " pairs"]

    def at_least(self, detail: float) -> Int[np.ndarray, "some 2"]:
        """Return the pairs with at least this detail score."""
        return self.pairs[self.detail >= detail]


def comparison(read: ReadImage) -> Compare:
    """Return a function that compares two files and reads each as rarely as memory allows."""
    pixels = lru_cache(CACHED_IMAGES)(read)

    @lru_cache(CACHED_THUMBNAILS)
    def small(file: str) -> UInt8[np.ndarray, "30 30 3"]:
        return thumbnail(pixels(file))

    def compare(one: str, other: str, min_alignment: float) -> float:
        placement = place(small(one), small(other))
        if placement.correlation < min_alignment:
            return -1.0
        return local_correlation(pixels(one), pixels(other), placement)

    return compare


def comparisons(read: ReadImage, scale: ScaleParams) -> CompareAll:
    """Return a function that compares pairs of files, here or in tasks on Ray."""
    if scale.engine == "ray":
        return partial(_compare_on_ray, read, scale)
    compare = comparison(read)

    def compare_all(
        files: Sequence[str], pairs: Int[np.ndarray, "pairs 2"], min_alignment: float
    ) -> Float[np.ndarray, " pairs"]:
        def compare_some(start: int) -> Float[np.ndarray, " some"]:
            some: list[list[int]] = pairs[start : start + COMPARED_AT_ONCE].tolist()
            return np.array([compare(files[i], files[j], min_alignment) for i, j in some])

        blocks = range(0, len(pairs), COMPARED_AT_ONCE)
        found = side_by_side(compare_some, blocks)
        if len(blocks) > QUICK_BLOCKS:
            found = track(found, len(blocks), "compare pairs", "blocks")
        return np.concatenate([np.empty(0), *found])

    return compare_all


def _compare_on_ray(
    read: ReadImage,
    scale: ScaleParams,
    files: Sequence[str],
    pairs: Int[np.ndarray, "pairs 2"],
    min_alignment: float,
) -> Float[np.ndarray, " pairs"]:
    compare = partial(_compare_some, read, files, pairs, min_alignment)
    found = in_turn(compare, range(0, len(pairs), COMPARED_AT_ONCE), "compare pairs", scale)
    return np.concatenate([np.empty(0), *found])


def _compare_some(
    read: ReadImage, files: Sequence[str], pairs: Int[np.ndarray, "pairs 2"], min_alignment: float, start: int
) -> Float[np.ndarray, " some"]:
    return comparisons(read, LOCAL)(files, pairs[start : start + COMPARED_AT_ONCE], min_alignment)


def random_pairs(hashes: "pd.Series[str]", limit: int) -> Int[np.ndarray, "pairs 2"]:
    """Pair values with the next ones in the order of the hashes, which is random but reproducible.

    Returns:
        positions; every pair once, at most `limit`.
    """
    unique = hashes.reset_index(drop=True).drop_duplicates().sort_values()
    places, n = unique.index.to_numpy(int), len(unique)
    steps = range(1, min(n // 2, -(-limit // max(n, 1))) + 1)
    strides = [np.stack([places, np.roll(places, -step)], axis=1) for step in steps]
    pairs = np.concatenate([np.empty((0, 2), int), *strides])
    # With an even number, the last stride meets each pair twice.
    return pairs[: min(limit, n * (n - 1) // 2)]


def background(correlations: Float[np.ndarray, " pairs"]) -> float:
    """Return the local correlation above which a pair differs from random ones, at most MAX_BACKGROUND."""
    if len(correlations) < FEWEST_PAIRS:
        return USUAL_BACKGROUND
    middle = float(np.median(correlations))
    spread = float(np.median(np.abs(correlations - middle)))
    return min(max(middle + DEVIATIONS * spread, 0.0), MAX_BACKGROUND)


def backgrounds(images: pd.DataFrame, queries: set[str], compare: CompareAll) -> dict[str, float]:
    """Return the background of each query; that of small queries is pooled over all queries.

    Args:
        images: with `query`, `sha256` and `file`; all that are compared.
        queries: the ones of interest.
        compare: of `comparisons`.
    """
    rows_of = images.groupby("query", sort=False).indices
    limit = min(BACKGROUND_PAIRS, max(MOST_BACKGROUND_PAIRS // max(len(rows_of), 1), FEWEST_PAIRS))
    files: list[str] = images["file"].tolist()

    def of_random_pairs(names: Iterable[str]) -> dict[str, Float[np.ndarray, " pairs"]]:
        pairs = {
            name: np.asarray(rows_of[name])[random_pairs(images["sha256"].iloc[rows_of[name]], limit)]
            for name in sorted(names)
        }
        values = compare(files, np.concatenate([np.empty((0, 2), int), *pairs.values()]), -1.0)
        ends = np.cumsum([len(of_name) for of_name in pairs.values()])
        return {
            name: values[end - len(of_name) : end]
            for (name, of_name), end in zip(pairs.items(), ends, strict=True)
        }

    found = of_random_pairs(queries)
    if any(len(values) < FEWEST_PAIRS for values in found.values()):
        others = of_random_pairs(set(images["query"]) - queries)
        pooled = background(np.concatenate([*found.values(), *others.values()]))
    else:
        pooled = 0.0
    return {
        query: background(values) if len(values) >= FEWEST_PAIRS else pooled
        for query, values in found.items()
    }


def _each(pairs: Int[np.ndarray, "pairs 2"]) -> Iterator[list[int]]:
    """Yield the pairs one by one; as a list, many would take ten times the memory."""
    for start in range(0, len(pairs), BLOCK):
        yield from pairs[start : start + BLOCK].tolist()


def score_pairs(
    manifest: pd.DataFrame,
    compared: Bool[np.ndarray, " n"],
    pairs: Int[np.ndarray, "pairs 2"],
    min_alignment: float,
    read: ReadImage,
    scale: ScaleParams = LOCAL,
) -> ScoredPairs:
    """Score candidate pairs by their local correlation, relative to the background of their queries.

    Args:
        manifest: with `query`, `sha256` and `file`.
        compared: the rows whose random pairs give the background.
        pairs: positions of rows.
        min_alignment: of the pixels of a near duplicate.
        read: reads a normalised image; on Ray, by an absolute path.
        scale: the engine that runs a task for some pairs.
    """
    compare, images = comparisons(read, scale), manifest[compared]
    files, queries = manifest["file"].tolist(), manifest["query"].tolist()
    found = compare(files, pairs, min_alignment)
    aligned = pairs[found >= 0]
    level = backgrounds(images, {queries[row] for row in np.unique(aligned).tolist()}, compare)
    detail = np.full(len(pairs), -1.0)
    base = np.array([max(level[queries[i]], level[queries[j]]) for i, j in _each(aligned)])
    detail[found >= 0] = (found[found >= 0] - base) / (1 - base)
    return ScoredPairs(pairs, detail)
