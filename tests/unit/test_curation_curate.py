from typing import Any

import numpy as np
import pandas as pd
import pytest

from herodex.curation.curate import curate as curate_with
from herodex.curation.held_out_images import held_out_images
from herodex.curation.review_decisions import Decision
from herodex.errors import UserError
from herodex.params import UNKNOWN, Params, load_params

PARAMS = load_params()
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
        duplicate_group=table["sha256"],
        duplicate_of="",
        score="",
        pixel_sha256=table["sha256"],
        file=table["sha256"],
    )


def curate(
    manifest: pd.DataFrame,
    vectors: dict[str, np.ndarray],
    decisions: dict[str, Decision],
    params: Params = PARAMS,
):
    return curate_with(manifest, vectors, decisions, params, read=image)


def with_test_folders() -> Params:
    values: dict[str, Any] = PARAMS.model_dump() | {"classes": [CAT, DOG]}
    values["classifier"]["split"]["test"] = "folder"
    values["crawl"]["images"]["sources"] = ["folder"]
    return Params.model_validate(values)


def image(file: str) -> np.ndarray:
    """Make a different image for each file, except that `b` is the same as `a`."""
    seed = {"b": ord("a")}.get(file, ord(file))
    return np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)


def features(**vectors: list[float]) -> dict[str, np.ndarray]:
    return {name: np.array(vector, np.float32) for name, vector in vectors.items()}


APART = features(a=[1, 0, 0], b=[0, 1, 0], c=[0, 0, 1])


def test_aligned_images_with_similar_features_are_near_duplicates():
    alike = features(a=[1, 0, 0], b=[0.99, 0.05, 0], c=[0, 0, 1])
    curated = curate(cleaned([(CAT, "a"), (CAT, "b"), (CAT, "c")]), alike, {})
    assert list(curated["dropped_for"]) == ["", "near_duplicate", ""]
    assert curated["duplicate_group"].nunique() == 2


def test_images_with_similar_features_that_do_not_align_are_both_kept():
    alike = features(a=[1, 0, 0], c=[0.99, 0.05, 0])
    curated = curate(cleaned([(CAT, "a"), (CAT, "c")]), alike, {})
    assert list(curated["dropped_for"]) == ["", ""]


def test_distractor_is_labelled_unknown():
    curated = curate(cleaned([(CAT, "a"), (PARAMS.distractors[0], "b")]), APART, {})
    assert list(curated["label"]) == [CAT, UNKNOWN]


def test_decisions_drop_keep_and_relabel():
    manifest = cleaned([(CAT, "a"), (CAT, "b"), (CAT, "c")])
    manifest.loc[1, ["kept", "dropped_for"]] = "0", "near_duplicate"
    decisions = {"a": Decision(False, ""), "b": Decision(True, ""), "c": Decision(True, DOG)}
    curated = curate(manifest, APART, decisions)
    assert list(curated["kept"]) == ["0", "1", "1"]
    assert list(curated["dropped_for"]) == ["review", "", ""]
    assert list(curated["label"]) == [CAT, CAT, DOG]
    assert set(curated["decided_by"]) == {"person"}


def test_decision_resolves_a_label_conflict():
    manifest = cleaned([(CAT, "a"), (DOG, "a")])
    manifest[["kept", "dropped_for"]] = "0", "label_conflict"
    curated = curate(manifest, APART, {"a": Decision(True, DOG)})
    assert sorted(curated["kept"]) == ["0", "1"]
    assert set(curated["label"]) == {DOG}


def test_unreadable_image_stays_dropped_despite_a_decision():
    manifest = cleaned([(CAT, "a"), (CAT, "b")])
    manifest.loc[0, ["kept", "dropped_for", "phash"]] = "0", "unreadable", ""
    curated = curate(manifest, features(b=[1, 0]), {"a": Decision(True, "")})
    assert list(curated["dropped_for"]) == ["unreadable", ""]


def test_orphaned_decision_changes_nothing():
    manifest = cleaned([(CAT, "a"), (CAT, "b")])
    assert curate(manifest, APART, {"z": Decision(False, "")}).equals(curate(manifest, APART, {}))


def test_images_of_a_group_share_a_duplicate_group_and_all_stay():
    manifest = cleaned([(CAT, "a"), (CAT, "c"), (DOG, "d"), (DOG, "e")]).assign(group=["p1", "", "p1", "p2"])
    vectors = features(a=[1, 0, 0, 0], c=[0, 1, 0, 0], d=[0, 0, 1, 0], e=[0, 0, 0, 1])
    curated = curate(manifest, vectors, {})
    assert list(curated["duplicate_group"]) == ["a", "c", "a", "e"]
    assert set(curated["kept"]) == {"1"}


def test_groups_and_duplicates_are_joined_through_each_other():
    """The two images of `a` and `b` are duplicates, so the groups of both are one."""
    manifest = cleaned([(CAT, "a"), (CAT, "b"), (CAT, "c"), (CAT, "d")]).assign(
        group=["p1", "p2", "p2", "p1"]
    )
    vectors = features(a=[1, 0, 0], b=[0.99, 0.05, 0], c=[0, 1, 0], d=[0, 0, 1])
    curated = curate(manifest, vectors, {})
    assert set(curated["duplicate_group"]) == {"a"}
    assert list(curated["dropped_for"]) == ["", "near_duplicate", "", ""]


def exam(*rows: tuple[str, str, str], **columns: list[str]) -> pd.DataFrame:
    """Make a manifest of rows with query, sha256 and `folder_part`, with other columns replaced."""
    table = cleaned([row[:2] for row in rows]).assign(folder_part=[row[2] for row in rows])
    return table.assign(**columns)


SPREAD = {name: row.astype(np.float32) for name, row in zip("abcdefgh", np.eye(8), strict=True)}
ALIKE = SPREAD | features(b=[0.99, 0.05, 0, 0, 0, 0, 0, 0])
"""The images `a` and `b` are near duplicates; the first is larger."""
OTHERS = (CAT, "f", ""), (DOG, "g", ""), (DOG, "h", "test")


def outcome(manifest: pd.DataFrame, decisions: dict[str, Decision] | None = None) -> dict[str, str]:
    curated = curate(manifest, ALIKE, decisions or {}, with_test_folders())
    assert ((curated["kept"] == "1") == (curated["dropped_for"] == "")).all()
    rows = zip(curated["sha256"], curated["folder_part"], curated["dropped_for"], strict=True)
    return {f"{sha256} {part}".strip(): reason for sha256, part, reason in rows if reason}


def test_near_duplicate_of_a_test_image_leaves_the_training_images_although_it_is_larger():
    assert outcome(exam((CAT, "a", ""), (CAT, "b", "test"), *OTHERS)) == {"a": "near_duplicate"}
    assert outcome(exam((CAT, "a", "test"), (CAT, "b", ""), *OTHERS)) == {"b": "near_duplicate"}


def test_near_duplicate_of_a_test_image_leaves_although_its_label_differs():
    assert outcome(exam((DOG, "a", ""), (CAT, "b", "test"), *OTHERS)) == {"a": "test_group"}


def test_same_image_in_a_test_folder_and_beside_it_stays_in_the_test_folder():
    assert outcome(exam((CAT, "a", ""), (CAT, "a", "test"), *OTHERS)) == {"a": "exact_duplicate"}
    assert outcome(exam((DOG, "a", "train"), (CAT, "a", "test"), *OTHERS)) == {"a train": "label_conflict"}


def test_person_cannot_keep_a_duplicate_of_a_test_image_to_learn_from():
    kept = outcome(exam((CAT, "a", ""), (CAT, "b", "test"), *OTHERS), {"a": Decision(True)})
    assert kept == {"a": "test_group"}


def test_near_duplicates_among_test_images_all_stay_and_equal_ones_count_once():
    near = exam((CAT, "a", "test"), (CAT, "b", "test"), *OTHERS)
    assert outcome(near) == {}
    assert curate(near, ALIKE, {}, with_test_folders())["duplicate_group"].nunique() == len(near) - 1
    assert outcome(exam((CAT, "a", "test"), (CAT, "a", "test"), *OTHERS)) == {"a test": "exact_duplicate"}
    assert outcome(exam((CAT, "a", "test"), (DOG, "a", "test"), (CAT, "e", "test"), *OTHERS)) == {
        "a test": "label_conflict"
    }


def test_training_images_in_the_group_of_a_test_image_are_dropped():
    manifest = exam((CAT, "a", ""), (CAT, "c", "test"), (CAT, "d", ""), *OTHERS)
    assert outcome(manifest.assign(group=["p1", "p1", "p2", "", "", ""])) == {"a": "test_group"}


def test_quality_checks_drop_no_test_image_that_can_be_decoded():
    manifest = exam((CAT, "a", "test"), (CAT, "c", ""), (CAT, "d", "test"), (CAT, "e", "test"), *OTHERS)
    manifest.loc[:3, "kept"] = "0"
    manifest.loc[:3, "dropped_for"] = ["blurry", "blurry", "too_dark", "unreadable"]
    manifest.loc[3, "phash"] = ""
    assert outcome(manifest) == {"c": "blurry", "e test": "unreadable"}
    assert outcome(manifest, {"d": Decision(False)}) == {
        "c": "blurry",
        "d test": "review",
        "e test": "unreadable",
    }


def test_label_check_neither_drops_test_images_nor_learns_from_them():
    """Wrong labels of test images change nothing: neither what is kept, nor the label quality of others."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEF"
    cats = np.arange(32) % 2 == 0
    vectors = np.random.default_rng(1).normal(0, 1, (32, 40)) + np.where(cats[:, None], 5, -5)
    table = dict(zip(letters, vectors.astype(np.float32), strict=True))

    def curated(test_label: bool) -> pd.DataFrame:
        labels = [cat if place < 24 else cat == test_label for place, cat in enumerate(cats)]
        rows = [
            (CAT if label else DOG, letter, "test" if place >= 24 else "")
            for place, (label, letter) in enumerate(zip(labels, letters, strict=True))
        ]
        return curate(exam(*rows), table, {}, with_test_folders())

    right, wrong = curated(True), curated(False)
    assert set(wrong["kept"][24:]) == {"1"}
    assert (wrong["label_quality"][24:].astype(float) < 0.35).all()
    assert (right["label_quality"][:24] != "").all()
    assert right["label_quality"][:24].equals(wrong["label_quality"][:24])


@pytest.mark.parametrize(("source", "dropped_for"), [("demo", "label_error"), ("feedback", "")])
def test_label_check_drops_an_improbable_label_unless_a_person_accepted_the_report(source, dropped_for):
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN"
    cats = np.arange(40) % 2 == 0
    vectors = np.random.default_rng(1).normal(0, 1, (40, 40)) + np.where(cats[:, None], 5, -5)
    rows = [(CAT if cat or place == 1 else DOG, letters[place]) for place, cat in enumerate(cats)]
    manifest = cleaned(rows).assign(source=["demo", source, *["demo"] * 38])
    params = PARAMS.model_copy(update={"classes": [CAT, DOG], "distractors": []})
    curated = curate(manifest, dict(zip(letters, vectors.astype(np.float32), strict=True)), {}, params)
    assert curated["dropped_for"][1] == dropped_for
    assert float(curated["label_quality"][1]) < 0.35
    assert set(curated["dropped_for"].drop(1)) == {""}


def test_test_folders_are_like_the_others_unless_they_are_asked_for():
    manifest = exam((CAT, "a", "test"), (CAT, "b", ""), *OTHERS)
    assert not held_out_images(manifest, PARAMS).any()
    assert list(curate(manifest, ALIKE, {})["dropped_for"])[:2] == ["", "near_duplicate"]


def test_class_whose_test_images_cannot_be_decoded_is_an_error():
    manifest = exam((CAT, "a", ""), (CAT, "c", "test"), *OTHERS)
    manifest.loc[1, "phash"] = ""
    with pytest.raises(UserError, match=f"No test image of {CAT}"):
        curate(manifest, SPREAD, {}, with_test_folders())


def test_of_duplicates_the_one_whose_licence_fits_the_use_is_kept():
    table = cleaned([(CAT, "a"), (CAT, "b"), (DOG, "c")])
    table = table.assign(source="commons", license=["CC BY-NC 4.0", "CC BY 4.0", "CC0 1.0"])
    vectors = features(a=[1, 0, 0], b=[1, 0, 0], c=[0, 0, 1])
    results = {
        use: curate(table, vectors, {}, PARAMS.model_copy(update={"use": use}))
        for use in ("any", "commercial")
    }
    assert results["any"]["kept"].tolist() == ["1", "0", "1"]
    assert results["commercial"]["kept"].tolist() == ["0", "1", "1"]
    assert results["commercial"]["dropped_for"].tolist() == ["license", "", ""]
