import pytest

from herodex.cli import versions
from herodex.errors import UserError
from herodex.lineage.counts import count_images, count_names, estimates_in
from herodex.lineage.lock import StageRecord
from herodex.lineage.trace import Known, add_stage, trace
from herodex.lineage.tree import Node, render


def test_tree_is_rendered_with_branches():
    root = Node("a")
    root.add("b").add("c")
    root.add("d")
    assert render(root) == "a\n├─ b\n│  └─ c\n└─ d\n"


def test_stage_lists_code_params_libraries_inputs_and_outputs():
    record = StageRecord(
        code="c0de" * 16,
        params={"seed": 1},
        libraries={"numpy": "2.4.6", "pillow": "13.0.0"},
        inputs={"data/raw": "1.dir"},
        outputs={"data/clean": "2.dir"},
    )
    root = Node("stages")
    add_stage(root, "clean", record)
    assert render(root).splitlines()[1:] == [
        "└─ clean: code c0dec0dec0de, 1 params",
        "   ├─ libraries: numpy 2.4.6, pillow 13.0.0",
        "   ├─ ← data/raw 1.dir",
        "   └─ → data/clean 2.dir",
    ]


def test_ambiguous_digits_are_a_user_error():
    known = Known(models={"abcdef01": ("classifier", {}), "abcdef02": ("classifier", {})})
    with pytest.raises(UserError, match="begins 2 hashes: abcdef01, abcdef02"):
        trace("abcdef", known)


def test_reported_image_is_traced_to_its_source():
    row = {
        "sha256": "ab" * 32,
        "source": "feedback",
        "query": "tea",
        "label": "tea",
        "rank": "1",
        "part": "train",
        "title": "",
        "author": "a visitor of the service",
        "license": "CC0 1.0",
        "page_url": "",
        "image_url": "feedback/tea/ab.png",
        "file": "tea/ab.png",
        "duplicate_group": "ab",
    }
    lines = render(trace("abababab", Known(images=[row])))
    assert "source feedback: reported by a visitor, accepted as tea" in lines
    assert "CC0 1.0" in lines


def test_images_are_counted_by_split_source_host_and_licence():
    row = {"part": "", "source": "", "page_url": "", "license": "", "label": "", "dropped_for": ""}
    counted = count_images(
        [
            row
            | {
                "part": "train",
                "source": "commons",
                "page_url": "https://a.org/1",
                "label": "cat",
                "license": "CC0 1.0",
            },
            row | {"part": "test", "label": "unknown"},
            row | {"dropped_for": "blurry"},
        ]
    )
    assert (counted["found"], counted["used"]) == (3, 2)
    assert counted["by_class"] == {"cat": 1}
    assert counted["by_host"] == {"a.org": 1, "given": 1}
    assert counted["by_source"] == {"commons": 1, "given": 1}
    assert counted["by_license"] == {"CC0 1.0": 1, "not stated": 1}
    assert counted["set_aside"] == {"blurry": 1}


def test_images_to_learn_from_are_counted_without_the_test_part():
    row = {"source": "", "page_url": "", "license": "", "label": "cat", "dropped_for": ""}
    counted = count_images([row | {"part": part} for part in ("train", "validation", "test", "")])
    assert counted["by_class"] == {"cat": 3}
    assert counted["learnt_by_class"] == {"cat": 2}


def test_names_from_the_user_have_no_host():
    assert count_names([{"part": "train", "page_url": ""}])["by_host"] == {"given": 1}


def test_estimates_are_found_at_any_depth():
    metric = {"value": 1.0, "low": 0.5, "high": 1.5, "n": 3}
    assert estimates_in({"a": metric, "b": {"c": metric, "d": 4}}) == {"a": metric, "b.c": metric}


def test_models_are_named_with_or_without_version():
    assert versions(["classifier=3", "generator"]) == {"classifier": "3", "generator": ""}
    assert versions(["folder"]) == {"classifier": "folder", "generator": "folder"}
    with pytest.raises(UserError, match="'clasifier=3' is no model"):
        versions(["clasifier=3"])
