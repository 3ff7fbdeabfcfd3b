import numpy as np
import pandas as pd

from herodex.curation.duplicate_groups import (
    ALL_PAIRED,
    connected_groups,
    mark_duplicates,
    pairs_within,
    same_values,
)


def table(**columns: list[str]) -> pd.DataFrame:
    """Make a manifest of kept rows with one label and decreasing size."""
    n = len(columns["sha256"])
    defaults = {
        "query": ["cat"] * n,
        "label": ["cat"] * n,
        "kept": ["1"] * n,
        "dropped_for": [""] * n,
        "width": [str(100 - i) for i in range(n)],
        "height": ["10"] * n,
        "duplicate_of": [""] * n,
        "pixel_sha256": columns["sha256"],
    }
    return pd.DataFrame(defaults | columns)


ALL = np.array([[0, 1], [1, 2]])


def test_same_values_pairs_with_the_first_occurrence_and_skips_empty_values():
    assert same_values(["a", "", "b", "a", "", "a"]).tolist() == [[0, 3], [0, 5]]
    assert same_values([]).shape == (0, 2)


def test_connected_groups_joins_pairs_that_share_a_member():
    group = connected_groups(np.array([[0, 1], [1, 4]]), 5)
    assert group[0] == group[1] == group[4]
    assert len(set(group.tolist())) == 3


def test_dropped_row_is_not_kept_as_the_original():
    marked = mark_duplicates(table(sha256=["a", "b"], kept=["0", "1"], dropped_for=["review", ""]), ALL[:1])
    assert list(marked["dropped_for"]) == ["review", ""]


def test_same_pixels_in_different_files_are_exact_duplicates():
    marked = mark_duplicates(table(sha256=["a", "b"], pixel_sha256=["p", "p"]), ALL[:1])
    assert list(marked["dropped_for"]) == ["", "exact_duplicate"]


def test_chosen_row_is_kept_despite_its_size():
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, chosen=np.array([False, False, True]))
    assert list(marked["kept"]) == ["0", "0", "1"]
    assert list(marked["duplicate_of"]) == ["c", "c", ""]


def test_chosen_row_resolves_a_label_conflict():
    rows = {"sha256": ["a", "b", "c"], "label": ["cat", "dog", "cat"]}
    assert set(mark_duplicates(table(**rows), ALL)["dropped_for"]) == {"label_conflict"}
    resolved = mark_duplicates(table(**rows), ALL, chosen=np.array([False, True, False]))
    assert list(resolved["dropped_for"]) == ["near_duplicate", "", "near_duplicate"]


def test_refused_best_row_drops_its_whole_group():
    refused = np.array([True, False, False])
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, refused=refused)
    assert list(marked["duplicate_of"]) == ["", "a", "a"]


def test_refused_smaller_row_leaves_the_best_row():
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, refused=np.array([False, False, True]))
    assert list(marked["kept"]) == ["1", "0", "0"]


def test_refused_row_resolves_a_conflict_for_the_other_label():
    rows = table(sha256=["a", "b", "c"], label=["cat", "dog", "dog"])
    marked = mark_duplicates(rows, ALL, refused=np.array([True, False, False]))
    assert list(marked["duplicate_of"]) == ["b", "", "b"]


def test_groups_do_not_depend_on_the_order_of_rows():
    rows = table(sha256=["c", "a", "b", "d"])
    reversed_rows = rows.iloc[::-1].reset_index(drop=True)
    forward = mark_duplicates(rows, np.array([[0, 2]])).set_index("sha256").sort_index()
    backward = mark_duplicates(reversed_rows, np.array([[1, 3]])).set_index("sha256").sort_index()
    assert forward.equals(backward)
    assert list(forward["duplicate_group"]) == ["a", "b", "b", "d"]


def test_of_the_same_bytes_from_two_queries_the_first_query_by_name_is_kept():
    rows = table(sha256=["a", "a"], query=["lynx", "fox"], label=["unknown"] * 2, width=["9", "9"])
    for manifest in (rows, rows.iloc[::-1].reset_index(drop=True)):
        marked = mark_duplicates(manifest, np.array([[0, 1]]))
        assert marked["query"][marked["kept"] == "1"].tolist() == ["fox"]


def test_pairs_within_a_group_are_all_pairs_of_its_images_or_connect_them_if_there_are_many():
    groups = ["a"] * (ALL_PAIRED + 1) + ["b"] * 4 + [""]
    images = [str(i) for i in range(ALL_PAIRED)] + ["0", "p", "q", "q", "r", "s"]
    pairs = pairs_within(groups, images)
    assert len(pairs) == ALL_PAIRED * (ALL_PAIRED - 1) // 2 + 3
    many = pairs_within(["a"] * 1000, [str(i) for i in range(1000)])
    assert len(np.unique(many, axis=0)) == 1000 * 8
    assert (many[:, 0] < many[:, 1]).all()
    assert len(set(connected_groups(many, 1000).tolist())) == 1
