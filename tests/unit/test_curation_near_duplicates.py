from itertools import combinations
from typing import Any

import faiss
import numpy as np
import pytest

from herodex.curation import feature_index, near_duplicates
from herodex.curation.duplicate_groups import connected_groups
from herodex.curation.feature_index import nearest, nearest_pairs, project
from herodex.curation.near_duplicates import (
    SORT_COST,
    cosines,
    near_features,
    near_features_between,
    near_hashes,
    plan_tables,
)

RNG = np.random.default_rng(3)


def by_all_pairs(hashes: np.ndarray, others: np.ndarray, distance: int) -> list[list[int]]:
    differing = np.bitwise_count(hashes[:, None] ^ others[None, :])
    found = {(min(i, j), max(i, j)) for i, j in np.argwhere(differing <= distance).tolist() if i != j}
    return [list(pair) for pair in sorted(found)]


def crowded_hashes(n: int, centres_count: int = 20) -> np.ndarray:
    """Draw hashes that differ in at most nine bits from one of twenty."""
    centres = RNG.integers(0, 2**64, centres_count, dtype=np.uint64)
    hashes = RNG.choice(centres, n)
    for _ in range(9):
        hashes ^= np.uint64(1) << RNG.integers(0, 64, n, dtype=np.uint64)
    return hashes


@pytest.mark.parametrize("distance", range(0, 16, 3))
def test_near_hashes_agrees_with_comparing_all_pairs(distance):
    hashes, others = crowded_hashes(300), crowded_hashes(300)
    others[:100] = hashes[100:200]
    assert near_hashes(hashes, hashes, distance).tolist() == by_all_pairs(hashes, hashes, distance)
    assert near_hashes(hashes, others, distance).tolist() == by_all_pairs(hashes, others, distance)


def test_near_hashes_of_nothing_is_empty():
    none = np.empty(0, np.uint64)
    assert near_hashes(none, none, 6).shape == (0, 2)


def test_near_features_ignores_length():
    features = np.array([[1, 0], [5, 0], [0, 1]], dtype=np.float32)
    assert near_features(features, 0.99).tolist() == [[0, 1]]


def test_near_features_never_matches_zero_vectors():
    assert near_features(np.zeros((2, 3), np.float32), 0.5).tolist() == []


def test_near_features_finds_pairs_across_blocks(monkeypatch):
    features = np.repeat(np.eye(5, dtype=np.float32), 2, axis=0)
    monkeypatch.setattr(near_duplicates, "BLOCK", 3)
    assert near_features(features, 0.9).tolist() == [[i, i + 1] for i in range(0, 10, 2)]


def test_near_features_by_index_agrees_with_comparing_all_pairs(monkeypatch):
    base = RNG.random((1500, 64), np.float32)
    features = np.concatenate([base, base[:500] + RNG.normal(0, 0.02, (500, 64)).astype(np.float32)])
    whole = near_features(features, 0.99)
    assert len(whole) == 500
    monkeypatch.setattr(near_duplicates, "EXHAUSTIVE_MAX", 100)
    found = near_features(features, 0.99)
    assert found.tolist() == near_features(features, 0.99).tolist()
    assert len(found) >= 498


def uneven_hashes(n: int) -> np.ndarray:
    """Draw hashes, and let half of them share 24 bits, as images of one kind do."""
    hashes = np.random.default_rng(5).integers(0, 2**64, n, dtype=np.uint64)
    hashes[::2] = (hashes[::2] >> np.uint64(24)) << np.uint64(12)
    return hashes


@pytest.mark.parametrize("draw", [crowded_hashes, uneven_hashes])
@pytest.mark.parametrize("common", [1, 2, 3, 4])
def test_near_hashes_agrees_with_comparing_all_pairs_by_any_number_of_tables(draw, common, monkeypatch):
    monkeypatch.setattr(near_duplicates, "plan_tables", lambda _, distance: tables_of(distance, common))
    monkeypatch.setattr(near_duplicates, "COMPARED_AT_ONCE", 100)
    hashes = draw(400)
    hashes[:20] = hashes[20]
    assert near_hashes(hashes, hashes, 6).tolist() == by_all_pairs(hashes, hashes, 6)


def tables_of(distance: int, common: int) -> near_duplicates.Tables:
    count = distance + common
    parts = [sum(1 << bit for bit in range(part, 64, count)) for part in range(count)]
    return near_duplicates.Tables(
        np.array(parts, np.uint64), list(combinations(range(count), common)), comparisons=0
    )


def hashes_of_groups(n: int) -> np.ndarray:
    """Draw hashes in groups of about 200."""
    return crowded_hashes(n, n // 200)


@pytest.mark.parametrize("draw", [hashes_of_groups, uneven_hashes])
def test_twice_as_many_hashes_take_less_than_three_times_the_work(draw):
    def work(n: int) -> int:
        values = np.unique(draw(n))
        tables = plan_tables(values, 6)
        return tables.comparisons + SORT_COST * len(tables.chosen) * len(values)

    assert work(16_000) < 3 * work(8_000)
    assert work(16_000) < 16_000**2 / 8


def test_crowd_of_one_hash_stays_connected_by_few_pairs():
    hashes = uneven_hashes(3000)
    hashes[:1500] = hashes[0]
    hashes[1500:1600] = hashes[0] ^ np.uint64(1)
    pairs = near_hashes(hashes, hashes, 6)
    assert len(pairs) < 3000 * 14
    groups = connected_groups(pairs, 3000)
    assert len(set(groups[:1600].tolist())) == 1


def test_too_many_similar_hashes_are_compared_in_part_and_the_log_says_so(monkeypatch, caplog):
    hashes = np.arange(2000, dtype=np.uint64)
    monkeypatch.setattr(near_duplicates, "ALWAYS_EXACT", 1000)
    monkeypatch.setattr(near_duplicates, "MOST_COMPARED", 20)
    assert len(near_hashes(hashes, hashes, 6)) < 2000 * 64 * 28
    assert "too many of 2000 hashes are alike" in caplog.text


def alike_features(n: int, spread: float, seed: int = 6) -> np.ndarray:
    """Draw features of five classes, in which a twentieth of the images have a duplicate."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 1, (5, 48))
    features = np.abs(centres[rng.integers(0, 5, n)] + rng.normal(0, spread, (n, 48)))
    features[: n // 20] = features[n // 2 : n // 2 + n // 20] + rng.normal(0, 0.02, (n // 20, 48))
    return features.astype(np.float32)


def closest_by_all_pairs(features: np.ndarray, similarity: float, k: int) -> list[list[int]]:
    """Rank all pairs of different rows by their cosine, and keep those among the k first of either member."""
    rows, columns = np.triu_indices(len(features), 1)
    pairs = np.stack([rows, columns], axis=1)
    similarities = cosines(features, pairs)
    pairs, similarities = pairs[similarities >= similarity], similarities[similarities >= similarity]
    ranks: dict[int, int] = {}
    kept: list[list[int]] = []
    for one, other in pairs[np.argsort(-similarities, kind="stable")].tolist():
        if min(ranks.get(one, 0), ranks.get(other, 0)) < k:
            kept.append([one, other])
        ranks[one], ranks[other] = ranks.get(one, 0) + 1, ranks.get(other, 0) + 1
    return sorted(kept)


@pytest.mark.parametrize("spread", [1.0, 0.1])
def test_near_features_keeps_the_closest_of_all_pairs(spread, monkeypatch):
    features = alike_features(300, spread)
    monkeypatch.setattr(near_duplicates, "BLOCK", 64)
    monkeypatch.setattr(near_duplicates, "PRUNED_FROM", 5)
    assert near_features(features, 0.8, k=3).tolist() == closest_by_all_pairs(features, 0.8, 3)


def test_near_features_compares_the_rows_asked_for_only():
    features = alike_features(200, 0.5)
    rows = np.arange(0, 200, 3)
    inside = near_features(features[rows], 0.8)
    assert near_features(features, 0.8, rows).tolist() == rows[inside].tolist()


def test_near_features_between_finds_duplicates_by_index_as_by_comparing_all_pairs(monkeypatch):
    features = alike_features(2000, 1.5)
    left, right = np.arange(0, 1000), np.arange(1000, 2000)
    whole = near_features_between(features, left, right, 0.95)
    assert len(whole) == 100
    monkeypatch.setattr(near_duplicates, "ALWAYS_EXACT", 100)
    assert near_features_between(features, left, right, 0.95).tolist() == whole.tolist()


def test_index_finds_the_same_neighbours_of_stored_features_on_any_number_of_threads(monkeypatch):
    features = alike_features(1500, 1.0)
    rows = np.arange(1500)
    found: list[list[list[int]]] = []
    for threads in (1, 2):
        faiss.omp_set_num_threads(threads)
        found.append(nearest_pairs(features, rows, rows, 0.9, 4).tolist())
    assert found[0] == found[1]


def test_vectors_scanned_per_query_do_not_grow_with_their_number():
    """A crowd of equal vectors fills one list of the index; queries look at the first of it only."""
    counters: Any = faiss.cvar
    statistics, lengths = counters.indexIVF_stats, list[float]()
    for n in (1000, 4000):
        projected = project(alike_features(n, 1.0), np.arange(n))
        projected[n // 2 :] = projected[0]
        statistics.reset()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(feature_index, "MOST_SCANNED", 300)
            nearest(projected, projected, 8)
        lengths.append(statistics.ndis / n)
    assert lengths[1] < 1.5 * lengths[0]
