from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from herodex.classifier.curate import Decision, curate, read_review
from herodex.errors import UserError
from herodex.params import UNKNOWN, load_params

PARAMS = load_params()
SIMILARITY = PARAMS.classifier.curate.near_similarity
CAT, DOG = PARAMS.classes[:2]


def cleaned(rows: list[tuple[str, str]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["query", "sha256"])
    return table.assign(
        label=[PARAMS.label_of(query) for query in table["query"]],
        kept="1",
        dropped_for="",
        phash="0" * 16,
        width=[str(100 - i) for i in range(len(table))],
        height="10",
        cluster=table["sha256"],
        copy_of="",
    )


def features(**vectors: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(vector, np.float32) for name, vector in vectors.items()}


APART = features(a=[1, 0, 0], b=[0, 1, 0], c=[0, 0, 1])


def review(folder: Path, *lines: str) -> Path:
    path = folder / "review.csv"
    path.write_text("\n".join(["sha256,decision,class", *lines]) + "\n", encoding="utf-8")
    return path


def test_pictures_that_look_alike_are_copies_even_if_their_hashes_differ():
    alike = features(a=[1, 0, 0], b=[0.99, 0.05, 0], c=[0, 0, 1])
    curated = curate(cleaned([(CAT, "a"), (CAT, "b"), (CAT, "c")]), alike, {}, SIMILARITY)
    assert list(curated["dropped_for"]) == ["", "near_copy", ""]
    assert curated["cluster"].nunique() == 2


def test_distractors_are_labelled_unknown():
    curated = curate(cleaned([(CAT, "a"), (PARAMS.distractors[0], "b")]), APART, {}, SIMILARITY)
    assert list(curated["label"]) == [CAT, UNKNOWN]


def test_a_person_drops_keeps_and_relabels():
    manifest = cleaned([(CAT, "a"), (CAT, "b"), (CAT, "c")])
    manifest.loc[1, ["kept", "dropped_for"]] = "0", "near_copy"
    decisions = {"a": Decision(False, ""), "b": Decision(True, ""), "c": Decision(True, DOG)}
    curated = curate(manifest, APART, decisions, SIMILARITY)
    assert list(curated["kept"]) == ["0", "1", "1"]
    assert list(curated["dropped_for"]) == ["review", "", ""]
    assert list(curated["label"]) == [CAT, CAT, DOG]
    assert set(curated["decided_by"]) == {"person"}


def test_a_person_can_settle_a_conflict():
    manifest = cleaned([(CAT, "a"), (DOG, "a")])
    manifest[["kept", "dropped_for"]] = "0", "conflict"
    curated = curate(manifest, APART, {"a": Decision(True, DOG)}, SIMILARITY)
    assert sorted(curated["kept"]) == ["0", "1"]
    assert set(curated["label"]) == {DOG}


def test_a_picture_that_could_not_be_read_stays_dropped_whatever_was_decided():
    manifest = cleaned([(CAT, "a"), (CAT, "b")])
    manifest.loc[0, ["kept", "dropped_for", "phash"]] = "0", "unreadable", ""
    curated = curate(manifest, features(b=[1, 0]), {"a": Decision(True, "")}, SIMILARITY)
    assert list(curated["dropped_for"]) == ["unreadable", ""]


def test_a_decision_about_a_picture_that_is_gone_changes_nothing():
    manifest = cleaned([(CAT, "a"), (CAT, "b")])
    assert curate(manifest, APART, {"z": Decision(False, "")}, SIMILARITY).equals(
        curate(manifest, APART, {}, SIMILARITY)
    )


def test_the_review_file_is_read(tmp_path):
    path = review(tmp_path, "a,keep,", "b,drop,", f"c,keep,{CAT}", f"d,keep,{UNKNOWN}")
    assert read_review(path, PARAMS) == {
        "a": Decision(True, ""),
        "b": Decision(False, ""),
        "c": Decision(True, CAT),
        "d": Decision(True, UNKNOWN),
    }


def test_no_review_file_means_no_decisions(tmp_path):
    assert read_review(tmp_path / "review.csv", PARAMS) == {}


@pytest.mark.parametrize("line", ["b,maybe,", "b,keep,dragon"])
def test_a_wrong_line_of_the_review_file_is_named(tmp_path, line):
    with pytest.raises(UserError, match=r"line 3: '(maybe|dragon)'"):
        read_review(review(tmp_path, "a,keep,", line), PARAMS)


def test_a_review_file_without_its_first_line_is_reported(tmp_path):
    path = tmp_path / "review.csv"
    path.write_text("a,keep,\n", encoding="utf-8")
    with pytest.raises(UserError, match="first line"):
        read_review(path, PARAMS)
