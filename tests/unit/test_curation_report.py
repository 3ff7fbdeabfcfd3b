from typing import Any

import numpy as np
import pandas as pd

from herodex.class_sizes import size_warnings
from herodex.curation.contact_sheets import SIDE, contact_sheet
from herodex.curation.report import (
    GROUPS,
    MAX_QUERIES,
    count_reasons,
    counts_figure,
    group_counts,
    rows_to_show,
    shorten_counts,
    summarise,
)
from herodex.curation.review_decisions import Decision
from herodex.dataset.manifest import REASONS

TABLE = pd.DataFrame(
    [
        ("cat", "a", "", "1", "p", "", "person", ""),
        ("cat", "b", "blurry", "0", "p", "0.3", "", ""),
        ("cat", "c", "blurry", "0", "p", "0.1", "", ""),
        ("dog", "", "no_download", "0", "", "", "", "near_duplicate: too many; label_error: no gain"),
        ("dog", "d", "unreadable", "0", "", "", "", "near_duplicate: too many; label_error: no gain"),
        ("dog", "c", "blurry", "0", "p", "0.1", "", "near_duplicate: too many; label_error: no gain"),
    ],
    columns=["query", "sha256", "dropped_for", "kept", "phash", "score", "decided_by", "checks_off"],
).assign(label=lambda rows: rows["query"])
NONE_HELD_OUT = np.zeros(len(TABLE), bool)


def test_count_reasons_counts_every_result_once():
    counts = count_reasons(TABLE).set_index("query")
    assert list(counts.columns) == ["results", "kept", "no_download", "unreadable", "blurry", "decided"]
    assert list(counts.loc["cat"]) == [3, 1, 0, 0, 2, 1]
    assert list(counts.loc["all"]) == [6, 1, 1, 1, 3, 1]
    assert counts_figure(counts.reset_index()).axes


def test_plot_has_four_groups_and_each_outcome_is_in_one_of_them():
    outcomes = [outcome for _, members in GROUPS.values() for outcome in members]
    assert (len(GROUPS), sorted(outcomes)) == (4, sorted(["kept", *REASONS]))
    counts = count_reasons(TABLE)
    groups = group_counts(counts)
    assert list(groups.loc["cat"]) == [1, 2, 0, 0]
    assert list(groups.to_numpy().sum(axis=1)) == list(counts["results"])
    figure = counts_figure(counts)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(GROUPS)


def test_summary_counts_decisions_and_names_those_without_effect():
    decisions = {"a": Decision(True), "d": Decision(True, "dog"), "z": Decision(False)}
    summary = summarise(TABLE, decisions, ["cat", "dog"], NONE_HELD_OUT)
    assert summary["decisions"] == {"keep": 1, "relabel": 1, "drop": 1}
    assert summary["decided_images"] == 1
    assert summary["decisions_about_unreadable_images"] == ["d"]
    assert summary["orphaned_decisions"] == ["z"]
    assert summary["dropped"] == {"no_download": 1, "unreadable": 1, "blurry": 3}


def test_summary_says_for_each_query_what_was_dropped_and_which_checks_are_off():
    summary = summarise(TABLE, {}, ["cat", "dog"], NONE_HELD_OUT)
    assert summary["dropped_by_query"] == {
        "cat": {"blurry": 2},
        "dog": {"no_download": 1, "unreadable": 1, "blurry": 1},
    }
    assert summary["checks_off"] == {"dog": ["near_duplicate: too many", "label_error: no gain"]}


def test_summary_counts_each_class_so_that_small_ones_can_be_named():
    counts = summarise(TABLE, {}, ["cat", "dog"], NONE_HELD_OUT)["images_to_learn_from"]
    assert counts == {"cat": 1, "dog": 0}
    few, rare = size_warnings(counts)
    assert "'dog' (0), 'cat' (1)" in few
    assert "'cat' (1): 'dog' (0)" in rare


def test_summary_counts_a_class_without_its_test_images():
    table = TABLE.iloc[[0] * 50].assign(label=["cat"] * 25 + ["dog"] * 25)
    counts = summarise(table, {}, ["cat", "dog"], np.zeros(50, bool))["images_to_learn_from"]
    assert size_warnings(counts) == []
    counts = summarise(table, {}, ["cat", "dog"], np.arange(50) >= 43)["images_to_learn_from"]
    (warning,) = size_warnings(counts)
    assert warning.startswith("Fewer than 20 images to learn from: 'dog' (18).")


def test_rows_to_show_has_each_image_once_and_the_worst_first():
    assert list(rows_to_show(TABLE, "blurry")["sha256"]) == ["c", "b"]
    assert len(rows_to_show(TABLE, "unreadable")) == 0


def test_contact_sheet_holds_every_image_and_pairs_side_by_side():
    red, blue = (np.full((60, 80, 3), colour, np.uint8) for colour in ([200, 0, 0], [0, 0, 200]))
    single = contact_sheet("nine", [([red], "caption\nsecond line")] * 9)
    assert single.height > 2 * SIDE
    pair = np.asarray(contact_sheet("pair", [([red, blue], "x" * 500)]))
    assert (pair == [200, 0, 0]).all(axis=2).sum() == 60 * 80
    assert (pair == [0, 0, 200]).all(axis=2).sum() == 60 * 80


def many_counts(n: int) -> pd.DataFrame:
    """Make the counts of `n` queries; the one with number i has i dropped results of 2,000."""
    table = pd.DataFrame({"query": [f"query {i}" for i in range(n)], "results": 2000})
    table = table.assign(kept=[2000 - i for i in range(n)], blurry=range(n), decided=0)
    return pd.concat([table, pd.DataFrame([table.drop(columns="query").sum()]).assign(query="all")])


def test_counts_of_many_queries_are_shortened_to_the_worst_and_the_sum_of_the_others():
    counts = many_counts(1000).reset_index(drop=True)
    short = shorten_counts(counts)
    assert list(short["query"]) == [*(f"query {i}" for i in range(960, 1000)), "960 others", "all"]
    others = short.set_index("query").loc["960 others"]
    assert (others["results"], others["kept"]) == (960 * 2000, 960 * 2000 - sum(range(960)))
    *parts, total = short.drop(columns="query").to_numpy(int).tolist()
    assert [sum(column) for column in zip(*parts, strict=True)] == total
    few = many_counts(MAX_QUERIES).reset_index(drop=True)
    assert shorten_counts(few).equals(few)


def test_plot_of_many_queries_is_as_high_as_a_page_and_says_how_many_others_there_are():
    figure = counts_figure(many_counts(1000).reset_index(drop=True))
    assert figure.get_figheight() < 18
    axes: Any = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()][-1] == "mean of 960 others"
    assert "960 other queries have 1,920,000 results, 1,459,680 kept" in axes.get_xlabel()
    assert max(bar.get_width() for bar in axes.patches) <= 2000
