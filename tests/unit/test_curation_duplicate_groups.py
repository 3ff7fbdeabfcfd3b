import numpy as np
import pandas as pd

from herodex.curation.duplicate_groups import clusters, mark_duplicates, same_values


def table(**columns: list[str]) -> pd.DataFrame:
    """A manifest whose rows are kept, of one label, and larger the earlier they come."""
    n = len(columns["sha256"])
    defaults = {
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


def test_equal_values_are_paired_with_the_first_and_empty_ones_with_none():
    assert same_values(["a", "", "b", "a", "", "a"]).tolist() == [[0, 3], [0, 5]]
    assert same_values([]).shape == (0, 2)


def test_pairs_that_share_a_member_form_one_cluster():
    group = clusters(np.array([[0, 1], [1, 4]]), 5)
    assert group[0] == group[1] == group[4]
    assert len(set(group.tolist())) == 3


def test_dropped_rows_are_never_chosen_to_stay():
    marked = mark_duplicates(table(sha256=["a", "b"], kept=["0", "1"], dropped_for=["review", ""]), ALL[:1])
    assert list(marked["dropped_for"]) == ["review", ""]


def test_the_same_pixels_in_other_bytes_are_an_exact_copy():
    marked = mark_duplicates(table(sha256=["a", "b"], pixel_sha256=["p", "p"]), ALL[:1])
    assert list(marked["dropped_for"]) == ["", "exact_duplicate"]


def test_the_row_that_a_person_decided_about_stays_whatever_its_size():
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, chosen=np.array([False, False, True]))
    assert list(marked["kept"]) == ["0", "0", "1"]
    assert list(marked["duplicate_of"]) == ["c", "c", ""]


def test_a_person_s_label_settles_a_cluster_under_two_classes():
    rows = {"sha256": ["a", "b", "c"], "label": ["cat", "dog", "cat"]}
    assert set(mark_duplicates(table(**rows), ALL)["dropped_for"]) == {"conflict"}
    settled = mark_duplicates(table(**rows), ALL, chosen=np.array([False, True, False]))
    assert list(settled["dropped_for"]) == ["near_duplicate", "", "near_duplicate"]


def test_an_image_that_a_person_refused_takes_its_copies_with_it():
    refused = np.array([True, False, False])
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, refused=refused)
    assert list(marked["duplicate_of"]) == ["", "a", "a"]


def test_a_smaller_copy_that_a_person_refused_leaves_the_one_that_stays():
    marked = mark_duplicates(table(sha256=["a", "b", "c"]), ALL, refused=np.array([False, False, True]))
    assert list(marked["kept"]) == ["1", "0", "0"]


def test_refusing_one_label_of_a_conflict_settles_it_for_the_other():
    rows = table(sha256=["a", "b", "c"], label=["cat", "dog", "dog"])
    marked = mark_duplicates(rows, ALL, refused=np.array([True, False, False]))
    assert list(marked["duplicate_of"]) == ["b", "", "b"]


def test_clusters_do_not_depend_on_the_order_of_rows():
    rows = table(sha256=["c", "a", "b", "d"])
    turned = rows.iloc[::-1].reset_index(drop=True)
    forward = mark_duplicates(rows, np.array([[0, 2]])).set_index("sha256").sort_index()
    backward = mark_duplicates(turned, np.array([[1, 3]])).set_index("sha256").sort_index()
    assert forward.equals(backward)
    assert list(forward["cluster"]) == ["a", "b", "b", "d"]
