import numpy as np
import pandas as pd

from herodex.curation.curate import curate as curate_with
from herodex.curation.review_decisions import Decision
from herodex.params import UNKNOWN, load_params

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


def curate(manifest: pd.DataFrame, vectors: dict[str, np.ndarray], decisions: dict[str, Decision]):
    return curate_with(manifest, vectors, decisions, PARAMS, read=image)


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
