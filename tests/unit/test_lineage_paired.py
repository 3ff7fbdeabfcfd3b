from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from herodex.lineage.paired import compare_labels, compare_nats, sign_flip_test
from herodex.statistics import bootstrap_mean


def image_rows(right: list[bool]) -> list[dict[str, str]]:
    return [
        {"sha256": str(place), "label": "tea", "predicted": "tea" if hit else "coffee"}
        for place, hit in enumerate(right)
    ]


def name_rows(nats: list[float]) -> list[dict[str, str]]:
    return [{"text": str(place), "nats": str(value)} for place, value in enumerate(nats)]


def test_mcnemar_counts_only_images_where_the_models_differ():
    before = [True] * 50 + [False] * 10
    after = [True] * 50 + [True] * 10
    comparison = compare_labels(image_rows(before), image_rows(after), 0)
    assert comparison is not None
    assert comparison.p == pytest.approx(2 * 0.5**10)
    assert comparison.gain == pytest.approx(10 / 60, abs=1e-6)
    assert comparison.low < comparison.gain < comparison.high
    assert comparison.better


def test_significantly_worse_model_is_not_better():
    comparison = compare_labels(image_rows([True] * 30), image_rows([False] * 30), 0)
    assert comparison is not None
    assert comparison.p < 1e-6
    assert not comparison.better


def test_equal_answers_are_no_gain():
    comparison = compare_labels(image_rows([True, False]), image_rows([True, False]), 0)
    assert comparison is not None
    assert (comparison.p, comparison.better) == (1.0, False)


def test_names_are_compared_in_pairs():
    before = [20.0 + place for place in range(30)]
    better = compare_nats(name_rows(before), name_rows([value - 0.5 - value % 3 / 10 for value in before]), 0)
    assert better is not None
    assert better.p < 0.001
    assert better.better
    mixed = compare_nats(
        name_rows(before), name_rows([value + (-1) ** place for place, value in enumerate(before)]), 0
    )
    assert mixed is not None
    assert mixed.p > 0.5


def test_only_shared_held_out_items_count():
    comparison = compare_nats(name_rows([1.0, 2.0, 3.0]), name_rows([1.0, 2.0]), 0)
    assert comparison is not None
    assert comparison.n == 2
    relabelled = [{**row, "label": "cocoa"} for row in image_rows([True, True])]
    comparison = compare_labels(image_rows([True, True, True]), [*relabelled, image_rows([True] * 3)[2]], 0)
    assert comparison is not None
    assert comparison.n == 1
    assert compare_labels(image_rows([True]), [], 0) is None
    assert compare_nats(name_rows([1.0]), [], 0) is None


def grouped_rows(right: list[bool], groups: list[str]) -> list[dict[str, str]]:
    rows = zip(image_rows(right), groups, strict=True)
    return [{**row, "duplicate_group": group} for row, group in rows]


@pytest.mark.parametrize("with_groups", [True, False])
def test_images_without_duplicates_are_compared_one_by_one(with_groups):
    rng = np.random.default_rng(0)
    before, after = ((rng.random(90) < share).tolist() for share in (0.5, 0.8))
    groups = [f"group {place}" for place in range(90)]
    rows = [grouped_rows(right, groups) if with_groups else image_rows(right) for right in (before, after)]
    found = compare_labels(rows[0], rows[1], 3)
    assert found is not None
    # The images are compared in the order of their hashes.
    order = sorted(range(90), key=str)
    gains = np.array([float(after[place]) - before[place] for place in order])
    gain = bootstrap_mean(gains, 3)
    won, lost = int((gains > 0).sum()), int((gains < 0).sum())
    assert found.test == f"McNemar's exact test: {won} corrected, {lost} newly wrong"
    assert (found.gain, found.low, found.high, found.n) == (gain["value"], gain["low"], gain["high"], 90)
    assert found.p == pytest.approx(binomtest(won, won + lost).pvalue, rel=1e-12)


def test_groups_of_equal_images_count_once():
    before, after = [True] * 15 + [False] * 5, [True] * 20
    alone = compare_labels(image_rows(before), image_rows(after), 0)
    # The hashes of the three images of a group are in different places.
    groups = [str(place) for place in range(20)] * 3
    repeated = compare_labels(grouped_rows(before * 3, groups), grouped_rows(after * 3, groups), 0)
    assert alone is not None
    assert repeated is not None
    assert repeated.p == alone.p == pytest.approx(2 * 0.5**5)
    assert not repeated.better
    assert repeated.low == pytest.approx(alone.low, abs=0.03)
    assert repeated.high == pytest.approx(alone.high, abs=0.03)
    assert repeated.test == "McNemar's exact test over 20 duplicate groups: 15 corrected, 0 newly wrong"
    apart = compare_labels(image_rows(before * 3), image_rows(after * 3), 0)
    assert apart is not None
    assert apart.better


def test_groups_of_either_model_hold_where_the_other_has_none():
    before, after = [False] * 6, [True] * 6
    groups = ["a", "a", "a", "b", "b", "b"]
    for rows in (
        (grouped_rows(before, groups), image_rows(after)),
        (image_rows(before), grouped_rows(after, groups)),
        (grouped_rows(before, ["a", "a", "x", "b", "b", "y"]), grouped_rows(after, list("paaqbb"))),
    ):
        found = compare_labels(*rows, 0)
        assert found is not None
        assert found.p == 0.5


def test_sign_flip_test_is_that_of_all_signs():
    differences = np.array([3, -1, 0, 2, 5, -2, 1])
    sums = [
        sum(sign * size for sign, size in zip(signs, differences, strict=True))
        for signs in product((-1, 1), repeat=7)
    ]
    assert sign_flip_test(differences) == np.mean(np.abs(sums) >= 8)
    assert sign_flip_test(np.zeros(4, int)) == 1
    assert sign_flip_test(np.ones(3000, int)) < 1e-300
