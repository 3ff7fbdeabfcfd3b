import numpy as np
import pytest

from herodex.curation import near_duplicates
from herodex.curation.near_duplicates import near_features, near_hashes

RNG = np.random.default_rng(3)


def by_all_pairs(hashes: np.ndarray, others: np.ndarray, distance: int) -> list[list[int]]:
    differing = np.bitwise_count(hashes[:, None] ^ others[None, :])
    found = {(min(i, j), max(i, j)) for i, j in np.argwhere(differing <= distance).tolist() if i != j}
    return [list(pair) for pair in sorted(found)]


def crowded_hashes(n: int) -> np.ndarray:
    """Draw hashes that differ in at most nine bits from one of twenty."""
    centres = RNG.integers(0, 2**64, 20, dtype=np.uint64)
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


def test_near_features_by_graph_agrees_with_comparing_all_pairs(monkeypatch):
    base = RNG.random((1500, 64), np.float32)
    features = np.concatenate([base, base[:500] + RNG.normal(0, 0.02, (500, 64)).astype(np.float32)])
    whole = near_features(features, 0.99)
    assert len(whole) == 500
    monkeypatch.setattr(near_duplicates, "EXHAUSTIVE_MAX", 100)
    found = near_features(features, 0.99)
    assert found.tolist() == near_features(features, 0.99).tolist()
    assert len(found) >= 498
