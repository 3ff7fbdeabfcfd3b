import pytest

from herodex.cli import versions
from herodex.errors import UserError
from herodex.lineage.counts import count_images, count_names, estimates_in
from herodex.lineage.trace import Known, trace
from herodex.lineage.tree import Node, render


def test_a_tree_is_drawn_with_its_branches():
    root = Node("a")
    root.add("b").add("c")
    root.add("d")
    assert render(root) == "a\n├─ b\n│  └─ c\n└─ d\n"


def test_digits_that_begin_two_models_are_one_clear_message():
    known = Known(models={"abcdef01": ("classifier", {}), "abcdef02": ("classifier", {})})
    with pytest.raises(UserError, match="begins 2 hashes: abcdef01, abcdef02"):
        trace("abcdef", known)


def test_images_are_counted_by_part_source_host_and_license():
    row = {"part": "", "source": "", "page_url": "", "license": "", "dropped_for": ""}
    counted = count_images(
        [
            row | {"part": "train", "source": "commons", "page_url": "https://a.org/1", "license": "CC0 1.0"},
            row | {"part": "test"},
            row | {"dropped_for": "blurry"},
        ]
    )
    assert (counted["found"], counted["used"]) == (3, 2)
    assert counted["by_host"] == {"a.org": 1, "given": 1}
    assert counted["by_source"] == {"commons": 1, "given": 1}
    assert counted["by_license"] == {"CC0 1.0": 1, "not stated": 1}
    assert counted["set_aside"] == {"blurry": 1}


def test_names_that_are_given_have_no_host():
    assert count_names([{"part": "train", "page_url": ""}])["by_host"] == {"given": 1}


def test_figures_with_an_interval_are_found_at_any_depth():
    figure = {"value": 1.0, "low": 0.5, "high": 1.5, "n": 3}
    assert estimates_in({"a": figure, "b": {"c": figure, "d": 4}}) == {"a": figure, "b.c": figure}


def test_models_are_named_with_or_without_their_version():
    assert versions(["classifier=3", "generator"]) == {"classifier": "3", "generator": ""}
    assert versions(["folder"]) == {"classifier": "folder", "generator": "folder"}
    with pytest.raises(UserError, match="'clasifier=3' is no model"):
        versions(["clasifier=3"])
