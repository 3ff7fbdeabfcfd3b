import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herodex.curation.split import (
    count_parts,
    fill_parts,
    find_leaks,
    require_every_part,
    require_no_leak,
    split,
)
from herodex.errors import UserError
from herodex.hashing import position
from herodex.params import SplitImagesParams, load_params

SHARES = SplitImagesParams(validation=0.2, test=0.3)
CLASSIFIER = load_params().classifier
IMAGE = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
ORDER = ["test", "validation", "train"]


def table(hashes: list[str], clusters: list[str] | None = None, query: str = "cat", kept: str = "1"):
    return pd.DataFrame(
        {"query": query, "sha256": hashes, "cluster": clusters or hashes, "kept": kept, "label": query}
    )


def names(n: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


def test_each_query_is_split_in_the_wanted_shares_but_for_chance():
    manifest = pd.concat([table(names(4000)), table(names(2000, "d"), query="dog")], ignore_index=True)
    counts = split(manifest, SHARES, seed=1).groupby("query")["part"].value_counts(normalize=True)
    for query in ("cat", "dog"):
        assert counts[query, "test"] == pytest.approx(0.3, abs=0.03)
        assert counts[query, "validation"] == pytest.approx(0.2, abs=0.03)


def test_a_cluster_never_straddles_parts_even_under_two_queries():
    clusters = names(30) * 2
    manifest = pd.concat(
        [table(names(60), clusters), table(names(60, "d"), clusters, "dog")], ignore_index=True
    )
    parts = split(manifest, SHARES, seed=1).groupby("cluster")["part"].nunique()
    assert (parts == 1).all()


def test_images_that_are_added_move_no_other_one():
    before = split(table(names(200)), SHARES, seed=1)
    after = split(table(names(400)[::-1]), SHARES, seed=1)
    moved = before.merge(after, on="sha256", suffixes=("", "_after"))
    assert len(moved) == 200
    assert moved["part"].equals(moved["part_after"])


@given(
    before=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    added=st.lists(st.integers(0, 12), max_size=20),
    bridges=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=3),
)
def test_copies_that_are_added_and_clusters_that_join_move_nothing_towards_test(before, added, bridges):
    """`before` and `added` give each image its cluster; `bridges` join two clusters."""
    hashes = names(len(before) + len(added))
    merged = {old: new for old, new in bridges if old > new}

    def joined(cluster: int) -> str:
        while cluster in merged:
            cluster = merged[cluster]
        return f"k{cluster}"

    old = split(table(hashes[: len(before)], [f"k{c}" for c in before]), SHARES, seed=5)
    new = split(table(hashes, [joined(c) for c in before + added]), SHARES, seed=5)
    assert (new.groupby("cluster")["part"].nunique() == 1).all()
    for earlier, later in zip(old["part"], new["part"], strict=False):
        assert ORDER.index(later) >= ORDER.index(earlier)


def test_the_order_of_rows_does_not_matter():
    manifest = table(names(50))
    forward = split(manifest, SHARES, seed=1).set_index("cluster")["part"]
    backward = split(manifest.iloc[::-1], SHARES, seed=1).set_index("cluster")["part"]
    assert forward.to_dict() == backward.to_dict()


def test_a_copy_that_is_set_aside_still_counts_for_where_its_cluster_stands():
    pair = table(["a", "b"], ["a", "a"])
    alone = pair.assign(kept=["1", "0"])
    for seed in range(20):
        assert split(pair, SHARES, seed)["part"].iloc[0] == split(alone, SHARES, seed)["part"].iloc[0]


def test_another_seed_gives_another_split():
    manifest = table(names(50))
    assert list(split(manifest, SHARES, 1)["part"]) != list(split(manifest, SHARES, 2)["part"])


def test_rows_that_are_not_kept_stay_and_get_no_part():
    manifest = pd.concat([table(names(10)), table(["gone"], kept="0")], ignore_index=True)
    parts = split(manifest, SHARES, seed=1)
    assert len(parts) == 11
    assert parts["part"].iloc[-1] == ""


def test_positions_are_spread_over_the_unit_interval():
    values = [position(name, "5") for name in names(1000)]
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1


def test_a_class_without_a_test_image_is_reported():
    params = load_params()
    *others, last = params.classes
    rows = [(label, part) for label in others for part in ("train", "validation", "test")]
    manifest = pd.DataFrame([*rows, (last, "train")], columns=["label", "part"])
    with pytest.raises(UserError, match=f"'{last}' has 1 images, none of them for validation"):
        require_every_part(manifest, params)


def parted(*parts: str) -> pd.DataFrame:
    return table(names(len(parts))).assign(part=parts, file="")


def test_images_that_look_alike_in_two_parts_are_found_and_stop_the_stage():
    features = {"c0": np.array([1, 0], np.float32), "c1": np.array([0.99, 0.1], np.float32)}
    manifest = parted("train", "test")
    leaks = find_leaks(manifest, features, CLASSIFIER, read=lambda _: IMAGE)
    assert leaks == [("c1", "c0")]
    with pytest.raises(UserError, match="1 pairs of images look alike and are in different parts: c1 and c0"):
        require_no_leak(leaks)


@pytest.mark.parametrize("parts", [("train", "train"), ("train", ""), ("test", "test")])
def test_images_that_look_alike_in_one_part_are_no_leak(parts):
    features = {name: np.array([1, 0], np.float32) for name in names(2)}
    features |= {"c2": np.array([0, 1], np.float32)}
    assert find_leaks(parted(*parts, "train"), features, CLASSIFIER, read=lambda _: IMAGE) == []
    require_no_leak([])


def test_parts_are_counted_by_query_and_by_source_where_there_is_one():
    manifest = parted("train", "test", "train", "")
    assert count_parts(manifest).to_dict("records") == [
        {"query": "cat", "train": 2, "validation": 0, "test": 1}
    ]
    by_source = count_parts(manifest.assign(source=["a", "a", "b", "b"]))
    assert list(by_source["source"]) == ["a", "b"]
    assert list(by_source["train"]) == [1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_a_class_of_few_images_is_in_every_part_whatever_the_seed(seed):
    classes = [f"class{i}" for i in range(12)]
    few = pd.concat([table(names(4, name), query=name) for name in classes], ignore_index=True)
    placed = split(few, SHARES, seed)
    filled = fill_parts(placed, classes, seed)
    assert (filled.groupby("label")["part"].nunique() == 3).all()
    assert (filled.groupby("cluster")["part"].nunique() == 1).all()
    complete = placed.groupby("label")["part"].transform("nunique") == 3
    assert filled["part"][complete].equals(placed["part"][complete])


def test_whole_clusters_move_and_what_is_not_kept_stays_out():
    copies = table(names(6), ["a", "a", "b", "b", "c", "c"]).assign(kept=["1", "0"] * 3)
    filled = fill_parts(split(copies, SHARES, 1), ["cat"], 1)
    assert set(filled["part"][::2]) == set(ORDER)
    assert set(filled["part"][1::2]) == {""}


def test_a_class_of_fewer_clusters_than_parts_stays_as_it_is():
    manifest = table(["a", "b"])
    placed = split(manifest, SHARES, 1)
    assert set(fill_parts(placed, ["cat"], 1)["part"]) <= set(ORDER)
    single = split(table(["a"]), SHARES, 1)
    assert fill_parts(single, ["cat"], 1).equals(single)
