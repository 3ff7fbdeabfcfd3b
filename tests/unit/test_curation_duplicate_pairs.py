import numpy as np
import pandas as pd
import pytest
from drawn_scene import scene
from PIL import Image, ImageDraw, ImageOps

from herodex.curation import duplicate_pairs
from herodex.curation.alignment import place, thumbnail
from herodex.curation.duplicate_groups import connected_groups
from herodex.curation.duplicate_limits import Off, describe_off, mark_within_limits
from herodex.curation.duplicate_pairs import ScoredPairs, background, backgrounds, random_pairs, score_pairs
from herodex.curation.local_correlation import local_correlation
from herodex.params import load_params

CLEAN = load_params().classifier.clean


def character(seed: int) -> Image.Image:
    """Draw two white strokes on black, whose ends differ a little between seeds, as handwriting does."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (100, 120))
    for points in ([(80, 10), (25, 60)], [(25, 60), (80, 110)]):
        moved = [tuple((np.array(point) + rng.integers(-4, 5, 2)).tolist()) for point in points]
        ImageDraw.Draw(image).line(moved, fill="white", width=9)
    return image


def in_detail(one: Image.Image, other: Image.Image) -> float:
    left, right = np.asarray(one), np.asarray(other)
    return local_correlation(left, right, place(thumbnail(left), thumbnail(right)))


def recoloured(image: Image.Image) -> Image.Image:
    return Image.merge("RGB", image.split()[::-1])


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((90, 90)),
        lambda image: image.crop((20, 0, 200, 145)),
        ImageOps.mirror,
        lambda image: ImageOps.mirror(image.crop((10, 10, 195, 155))),
    ],
    ids=["scaled", "cropped", "mirrored", "mirrored and cropped"],
)
def test_local_correlation_is_high_for_a_near_duplicate_in_both_orders(change):
    original = scene(1)
    assert in_detail(change(original), original) > 0.9
    assert in_detail(original, change(original)) > 0.9


def test_local_correlation_is_low_for_different_images_and_for_another_colour():
    assert max(in_detail(scene(0), scene(seed)) for seed in range(1, 9)) < 0.6
    assert in_detail(scene(0), recoloured(scene(0))) < 0.8


def test_local_correlation_of_images_without_detail_is_zero():
    plain = Image.new("RGB", (50, 50), "navy")
    assert in_detail(plain, plain) == 0


def manifest_of(n: int, labels: list[str] | None = None) -> pd.DataFrame:
    names = [f"{i:03}" for i in range(n)]
    labels = labels or ["cat"] * n
    return pd.DataFrame(
        {
            "query": labels,
            "label": labels,
            "sha256": names,
            "pixel_sha256": names,
            "file": names,
            "width": [str(200 - i) for i in range(n)],
            "height": "10",
            "kept": "1",
            "dropped_for": "",
            "duplicate_of": "",
        }
    )


def scores_in_a_set(images: list[Image.Image], pairs: list[list[int]]) -> np.ndarray:
    table, pixels = manifest_of(len(images)), [np.asarray(image) for image in images]
    scored = score_pairs(
        table,
        np.ones(len(table), bool),
        np.array(pairs),
        CLEAN.near_alignment,
        lambda name: pixels[int(name)],
    )
    return scored.detail


def test_duplicate_among_different_images_scores_high():
    images = [*(scene(seed) for seed in range(12)), scene(0).resize((120, 90))]
    detail = scores_in_a_set(images, [[0, 12], [0, 1]])
    assert detail[0] > CLEAN.near_detail
    assert detail[1] == -1


def test_images_that_are_as_alike_as_all_images_of_the_query_are_no_duplicates():
    images = [character(seed) for seed in range(12)]
    pairs = [[i, j] for i in range(12) for j in range(i)]
    assert max(in_detail(images[0], image) for image in images[1:]) > 0.75
    assert scores_in_a_set(images, pairs).max() < CLEAN.near_detail


def test_random_pairs_are_distinct_and_do_not_depend_on_the_order_of_rows():
    names = pd.Series([f"{i:02}" for i in range(8)])
    pairs = {frozenset(names[pair]) for pair in random_pairs(names, 100)}
    assert len(pairs) == 28
    shuffled = names.sample(frac=1, random_state=3).reset_index(drop=True)
    some = [[tuple(values[pair]) for pair in random_pairs(values, 9)] for values in (names, shuffled)]
    assert some[0] == some[1]


def test_random_pairs_of_many_images_are_the_first_of_all_pairs():
    names = pd.Series([f"{i:03}" for i in range(200)])
    every = random_pairs(names, 200 * 199 // 2)
    assert len(np.unique(np.sort(every, axis=1), axis=0)) == 200 * 199 // 2
    assert random_pairs(names, 450).tolist() == every[:450].tolist()
    # All pairs of so many images would not fit into memory.
    assert len(random_pairs(pd.Series([f"{i:06}" for i in range(200_000)]), 64)) == 64


def test_background_ignores_the_duplicates_among_random_pairs():
    values = np.concatenate([np.linspace(0.1, 0.3, 60), np.ones(4)])
    assert background(values) < 0.6


def test_queries_share_a_limit_of_random_pairs(monkeypatch):
    monkeypatch.setattr(duplicate_pairs, "MOST_BACKGROUND_PAIRS", 100)
    compared: list[int] = []

    def compare(_files, pairs, _min_alignment):
        compared.append(len(pairs))
        return np.full(len(pairs), 0.1)

    for queries, each in ((1, 64), (4, 25), (20, 15)):
        compared.clear()
        names = [f"q{place % queries}" for place in range(30 * queries)]
        files = [f"{place:03}" for place in range(len(names))]
        images = pd.DataFrame({"query": names, "sha256": files, "file": files})
        backgrounds(images, {"q0"}, compare)
        assert compared == [each]


def scored(pairs: list[list[int]], detail: float) -> ScoredPairs:
    return ScoredPairs(np.array(pairs), np.full(len(pairs), detail))


NONE = np.empty((0, 2), int)


def test_near_duplicates_with_different_labels_are_kept_in_one_group():
    table = manifest_of(2, ["cat", "dog"])
    marked, _ = mark_within_limits(table, NONE, scored([[0, 1]], 0.99), CLEAN)
    assert list(marked["kept"]) == ["1", "1"]
    assert marked["duplicate_group"].nunique() == 1
    exact, _ = mark_within_limits(table, np.array([[0, 1]]), scored([[0, 1]], 0.99), CLEAN)
    assert set(exact["dropped_for"]) == {"label_conflict"}


def test_chosen_row_decides_the_label_of_its_near_duplicate():
    table = manifest_of(2, ["cat", "dog"])
    chosen = np.array([True, False])
    marked, _ = mark_within_limits(table, NONE, scored([[0, 1]], 0.99), CLEAN, chosen, ~chosen & False)
    assert list(marked["dropped_for"]) == ["", "near_duplicate"]


def test_related_images_share_a_group_and_are_kept():
    detail = (CLEAN.near_detail + CLEAN.related_detail) / 2
    marked, _ = mark_within_limits(manifest_of(3), NONE, scored([[0, 1]], detail), CLEAN)
    assert set(marked["kept"]) == {"1"}
    assert marked["duplicate_group"].nunique() == 2


def test_query_that_would_lose_too_many_near_duplicates_loses_none():
    table = manifest_of(60, ["cat"] * 40 + ["dog"] * 20)
    pairs = [[i, i + 1] for i in (*range(0, 24, 2), 40)]
    marked, off = mark_within_limits(table, NONE, scored(pairs, 0.99), CLEAN)
    assert list(marked["dropped_for"][:40]) == [""] * 40
    assert (marked["dropped_for"] == "near_duplicate").sum() == 1
    assert marked["duplicate_group"].nunique() == 60 - len(pairs)
    reason = "it would drop 12 of 40 images, more than the limit of 10"
    assert off == {"cat": [Off("near_duplicate", reason)]}
    assert describe_off(off, table["query"])[39:41] == [f"near_duplicate: {reason}", ""]


def test_group_of_most_images_of_a_query_is_divided():
    table = manifest_of(20)
    detail = (CLEAN.near_detail + CLEAN.related_detail) / 2
    chain = [[i, i + 1] for i in range(14)]
    strong = ScoredPairs(np.array([*chain, [18, 19]]), np.array([0.99, *[detail] * 13, detail]))
    marked, off = mark_within_limits(table, NONE, strong, CLEAN)
    sizes = connected_groups(np.array([[0, 1], [18, 19]]), 20)
    assert marked["duplicate_group"].nunique() == len(set(sizes.tolist()))
    assert [check.check for check in off["cat"]] == ["duplicate_group"]
