import pytest

from herodex.lineage.paired import compare_labels, compare_nats


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
