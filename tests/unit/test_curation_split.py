import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from herodex.curation import near_duplicates
from herodex.curation.split import (
    count_parts,
    fill_parts,
    find_leaks,
    held_out_share,
    hold_out_test_folders,
    require_every_part,
    require_no_leak,
    split,
)
from herodex.dataset.feature_table import read_features, write_features
from herodex.errors import UserError
from herodex.hashing import uniform_hash
from herodex.params import SplitImagesParams, load_params

SHARES = 0.2, 0.3
"""Of validation and test."""
CLASSIFIER = load_params().classifier
IMAGE = np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)
ORDER = ["test", "validation", "train"]


def table(hashes: list[str], groups: list[str] | None = None, query: str = "cat", kept: str = "1"):
    columns = {"query": query, "sha256": hashes, "duplicate_group": groups or hashes, "kept": kept}
    return pd.DataFrame(columns | {"label": query, "dropped_for": "" if kept == "1" else "blurry"})


def names(n: int, prefix: str = "c") -> list[str]:
    return [f"{prefix}{i}" for i in range(n)]


def test_split_gives_each_query_the_configured_shares():
    manifest = pd.concat([table(names(4000)), table(names(2000, "d"), query="dog")], ignore_index=True)
    counts = split(manifest, *SHARES, seed=1).groupby("query")["part"].value_counts(normalize=True)
    for query in ("cat", "dog"):
        assert counts[query, "test"] == pytest.approx(0.3, abs=0.03)
        assert counts[query, "validation"] == pytest.approx(0.2, abs=0.03)


def test_split_keeps_a_group_in_one_part_across_queries():
    groups = names(30) * 2
    manifest = pd.concat([table(names(60), groups), table(names(60, "d"), groups, "dog")], ignore_index=True)
    parts = split(manifest, *SHARES, seed=1).groupby("duplicate_group")["part"].nunique()
    assert (parts == 1).all()


def test_added_images_move_no_other_image():
    before = split(table(names(200)), *SHARES, seed=1)
    after = split(table(names(400)[::-1]), *SHARES, seed=1)
    moved = before.merge(after, on="sha256", suffixes=("", "_after"))
    assert len(moved) == 200
    assert moved["part"].equals(moved["part_after"])


@given(
    before=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    added=st.lists(st.integers(0, 12), max_size=20),
    bridges=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=3),
)
def test_added_duplicates_and_merged_groups_move_nothing_towards_test(before, added, bridges):
    """`before` and `added` are the group of each image; `bridges` merge two groups."""
    hashes = names(len(before) + len(added))
    merged = {old: new for old, new in bridges if old > new}

    def joined(group: int) -> str:
        while group in merged:
            group = merged[group]
        return f"k{group}"

    old = split(table(hashes[: len(before)], [f"k{group}" for group in before]), *SHARES, seed=5)
    new = split(table(hashes, [joined(group) for group in before + added]), *SHARES, seed=5)
    assert (new.groupby("duplicate_group")["part"].nunique() == 1).all()
    for earlier, later in zip(old["part"], new["part"], strict=False):
        assert ORDER.index(later) >= ORDER.index(earlier)


def test_split_does_not_depend_on_the_order_of_rows():
    manifest = table(names(50))
    forward = split(manifest, *SHARES, seed=1).set_index("duplicate_group")["part"]
    backward = split(manifest.iloc[::-1], *SHARES, seed=1).set_index("duplicate_group")["part"]
    assert forward.to_dict() == backward.to_dict()


def test_dropped_duplicate_still_determines_the_position_of_its_group():
    pair = table(["a", "b"], ["a", "a"])
    alone = pair.assign(kept=["1", "0"])
    for seed in range(20):
        assert split(pair, *SHARES, seed)["part"].iloc[0] == split(alone, *SHARES, seed)["part"].iloc[0]


def test_another_seed_gives_another_split():
    manifest = table(names(50))
    assert list(split(manifest, *SHARES, 1)["part"]) != list(split(manifest, *SHARES, 2)["part"])


def test_dropped_rows_stay_without_a_part():
    manifest = pd.concat([table(names(10)), table(["dropped"], kept="0")], ignore_index=True)
    parts = split(manifest, *SHARES, seed=1)
    assert len(parts) == 11
    assert parts["part"].iloc[-1] == ""


def test_images_that_a_label_check_dropped_are_set_aside_beside_their_part():
    manifest = pd.concat([table(names(50)), table(names(50, "x"), kept="0")], ignore_index=True)
    wrong = manifest.assign(dropped_for=np.where(manifest["kept"] == "1", "", "label_error"))
    parts = split(wrong, *SHARES, 1)["part"]
    kept = split(manifest.assign(kept="1"), *SHARES, 1)["part"]
    assert (parts[:50] == kept[:50]).all()
    assert set(parts[50:]) == {"set_aside", "test_set_aside"}
    assert ((parts[50:] == "test_set_aside") == (kept[50:] == "test")).all()


@pytest.mark.parametrize(("smallest", "share"), [(249, 0.0), (250, 0.2)])
def test_null_holds_out_a_test_part_where_every_class_has_many_images(smallest, share):
    manifest = pd.concat([table(names(300)), table(names(smallest, "d"), query="dog")], ignore_index=True)
    unset = SplitImagesParams(validation=0.2, test=None)
    assert held_out_share(manifest, ["cat", "dog"], unset) == share
    assert held_out_share(manifest, ["cat", "dog"], SplitImagesParams(validation=0.2, test=0.1)) == 0.1


def test_null_counts_the_images_of_a_group_once():
    manifest = pd.concat([table(names(300)), table(names(300, "d"), query="dog")], ignore_index=True)
    unset = SplitImagesParams(validation=0.2, test=None)
    video = np.where(np.arange(600) % 300 < 60, "video", "")
    assert held_out_share(manifest.assign(group=video), ["cat", "dog"], unset) == 0.0
    few = np.where(np.arange(600) % 300 < 40, "video", "")
    assert held_out_share(manifest.assign(group=few), ["cat", "dog"], unset) == 0.2


def test_large_groups_get_the_configured_shares():
    """By the largest position of 40 images, no group would ever be in the test part."""
    groups = [f"g{i // 40}" for i in range(40 * 500)]
    manifest = table(names(len(groups)), groups).assign(group=groups)
    parts = split(manifest, *SHARES, seed=1).drop_duplicates("group")["part"].value_counts(normalize=True)
    assert parts["test"] == pytest.approx(0.3, abs=0.06)
    assert parts["validation"] == pytest.approx(0.2, abs=0.06)


def test_added_image_of_a_group_moves_no_other():
    groups = [f"g{i % 20}" for i in range(100)]
    manifest = table(names(100), groups).assign(group=groups)
    after = split(manifest, *SHARES, seed=1)
    before = split(manifest[:60], *SHARES, seed=1)
    assert before["part"].equals(after["part"][:60])


def test_test_folders_are_the_test_part():
    manifest = table(names(40)).assign(folder_part=["test", "train", "", "validation"] * 10)
    manifest.loc[0, ["kept", "dropped_for"]] = "0", "unreadable"
    params = SplitImagesParams(validation=0.2, test="folder")
    assert held_out_share(manifest, ["cat"], params) == 0
    parts = hold_out_test_folders(split(manifest, 0.2, 0.0, seed=1))["part"]
    assert parts[0] == ""
    assert set(parts[4::4]) == {"test"}
    assert set(parts[manifest["folder_part"] != "test"]) == {"train", "validation"}


def test_positions_cover_the_unit_interval():
    values = [uniform_hash(name, "5") for name in names(1000)]
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1


def test_class_without_an_image_in_a_part_is_reported():
    params = load_params()
    *others, last = params.classes
    rows = [(label, part) for label in others for part in ("train", "validation", "test")]
    manifest = pd.DataFrame([*rows, (last, "train")], columns=["label", "part"])
    with pytest.raises(UserError, match=f"'{last}' has 1 images, none of them in the test part"):
        require_every_part(manifest, params.classes, ORDER)


def parted(*parts: str) -> pd.DataFrame:
    return table(names(len(parts))).assign(part=parts, file="")


def test_near_duplicates_in_two_parts_are_reported():
    features = {"c0": np.array([1, 0], np.float32), "c1": np.array([0.99, 0.1], np.float32)}
    manifest = parted("train", "test")
    leaks = find_leaks(manifest, features, CLASSIFIER, read=lambda _: IMAGE)
    assert leaks == [("c1", "c0")]
    with pytest.raises(UserError, match="1 pairs of near duplicates are in different parts: c1 and c0"):
        require_no_leak(leaks)


@pytest.mark.parametrize("parts", [("train", "train"), ("train", ""), ("test", "test")])
def test_near_duplicates_in_one_part_are_no_leak(parts):
    features = {name: np.array([1, 0], np.float32) for name in names(2)}
    features |= {"c2": np.array([0, 1], np.float32)}
    assert find_leaks(parted(*parts, "train"), features, CLASSIFIER, read=lambda _: IMAGE) == []
    require_no_leak([])


def test_count_parts_counts_by_query_and_by_source():
    manifest = parted("train", "test", "train", "")
    assert count_parts(manifest).to_dict("records") == [
        {"query": "cat", "train": 2, "validation": 0, "test": 1}
    ]
    by_source = count_parts(manifest.assign(source=["a", "a", "b", "b"]))
    assert list(by_source["source"]) == ["a", "b"]
    assert list(by_source["train"]) == [1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_fill_parts_puts_a_small_class_into_every_part(seed):
    classes = [f"class{i}" for i in range(12)]
    few = pd.concat([table(names(4, name), query=name) for name in classes], ignore_index=True)
    placed = split(few, *SHARES, seed)
    filled = fill_parts(placed, classes, ORDER, seed)
    assert (filled.groupby("label")["part"].nunique() == 3).all()
    assert (filled.groupby("duplicate_group")["part"].nunique() == 1).all()
    complete = placed.groupby("label")["part"].transform("nunique") == 3
    assert filled["part"][complete].equals(placed["part"][complete])


def test_fill_parts_moves_whole_groups_without_dropped_rows():
    duplicates = table(names(6), ["a", "a", "b", "b", "c", "c"]).assign(kept=["1", "0"] * 3)
    filled = fill_parts(split(duplicates, *SHARES, 1), ["cat"], ORDER, 1)
    assert set(filled["part"][::2]) == set(ORDER)
    assert set(filled["part"][1::2]) == {""}


def test_fill_parts_leaves_a_class_with_fewer_groups_than_parts():
    manifest = table(["a", "b"])
    placed = split(manifest, *SHARES, 1)
    assert set(fill_parts(placed, ["cat"], ORDER, 1)["part"]) <= set(ORDER)
    single = split(table(["a"]), *SHARES, 1)
    assert fill_parts(single, ["cat"], ORDER, 1).equals(single)


def test_leaks_are_found_by_index_and_in_stored_features_as_by_comparing_all_pairs(monkeypatch, tmp_path):
    rng = np.random.default_rng(8)
    vectors = np.abs(rng.normal(0, 1, (240, 200))).astype(np.float32)
    vectors[:20] = vectors[120:140] + rng.normal(0, 0.01, (20, 200))
    hashes = names(240)
    manifest = table(hashes).assign(part=["train"] * 120 + ["validation"] * 70 + ["test"] * 50, file="")
    in_memory = dict(zip(hashes, vectors, strict=True))
    leaks = find_leaks(manifest, in_memory, CLASSIFIER, read=lambda _: IMAGE)
    assert {frozenset(pair) for pair in leaks} == {frozenset([f"c{i}", f"c{i + 120}"]) for i in range(20)}
    write_features(tmp_path / "features.npy", hashes, {"features": vectors})
    stored = read_features(tmp_path / "features.npy")
    assert find_leaks(manifest, stored, CLASSIFIER, read=lambda _: IMAGE) == leaks
    monkeypatch.setattr(near_duplicates, "ALWAYS_EXACT", 10)
    assert find_leaks(manifest, stored, CLASSIFIER, read=lambda _: IMAGE) == leaks
