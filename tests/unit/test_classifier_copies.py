import numpy as np

from herodex.classifier import copies
from herodex.classifier.copies import clusters, near_features, near_hashes, same_values


def test_hashes_within_the_distance_are_paired_and_others_are_not():
    hashes = np.array([0b0000, 0b0011, 0b1111], dtype=np.uint64)
    assert near_hashes(hashes, hashes, 2).tolist() == [[0, 1], [1, 2]]
    assert near_hashes(hashes, hashes, 1).tolist() == []


def test_features_are_compared_by_direction_not_by_length():
    features = np.array([[1, 0], [5, 0], [0, 1]], dtype=np.float32)
    assert near_features(features, 0.99).tolist() == [[0, 1]]


def test_a_feature_vector_of_zeros_is_like_no_other():
    assert near_features(np.zeros((2, 3), np.float32), 0.5).tolist() == []


def test_pairs_are_found_across_blocks(monkeypatch):
    hashes = np.repeat(np.arange(5, dtype=np.uint64) << np.uint64(32), 2)
    whole = near_hashes(hashes, hashes, 0).tolist()
    monkeypatch.setattr(copies, "BLOCK", 3)
    assert near_hashes(hashes, hashes, 0).tolist() == whole == [[i, i + 1] for i in range(0, 10, 2)]


def test_equal_values_are_paired_with_the_first_and_empty_ones_with_none():
    assert same_values(["a", "", "b", "a", "", "a"]).tolist() == [[0, 3], [0, 5]]
    assert same_values([]).shape == (0, 2)


def test_pairs_that_share_a_member_form_one_cluster():
    group = clusters(np.array([[0, 1], [1, 4]]), 5)
    assert group[0] == group[1] == group[4]
    assert len(set(group.tolist())) == 3
