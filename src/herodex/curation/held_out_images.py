"""The user's own test images, which all stay, and their duplicates, which are not learnt from.

With `classifier.split.test: folder`, the images of folders named `test` are the user's own exam: no check of
quality or labels removes one, and no model, setting or threshold is fitted to one.
"""

import numpy as np
import pandas as pd
from jaxtyping import Bool

from herodex.class_folders import check_test_folders
from herodex.curation.duplicate_groups import EXACT_DUPLICATE, LABEL_CONFLICT
from herodex.curation.review_decisions import PERSON
from herodex.dataset.manifest import NO_HASH, stated
from herodex.params import FROM_FOLDER, Params

TEST_GROUP = "test_group"
"""The value of `dropped_for` of images that share a group with a test image."""


def held_out_images(manifest: pd.DataFrame, params: Params) -> Bool[np.ndarray, " n"]:
    """Mark the rows of readable images that are the user's test split.

    Raises:
        UserError: test folders are asked for, and a class has no such image, or no others.
    """
    if params.classifier.split.test != FROM_FOLDER:
        return np.zeros(len(manifest), bool)
    readable = (manifest["phash"] != NO_HASH).to_numpy(bool)
    held_out = readable & (stated(manifest, "folder_part") == "test").to_numpy(bool)
    check_test_folders(
        params.classes, zip(manifest["query"][readable], held_out[readable].tolist(), strict=True)
    )
    return held_out


def restore(manifest: pd.DataFrame, held_out: Bool[np.ndarray, " n"]) -> pd.DataFrame:
    """Keep test images that a check of their quality or a duplicate has dropped, unless a person drops them.

    Args:
        manifest: with `decided_by`.
        held_out: the rows of the test split.
    """
    back = held_out & (manifest["decided_by"] != PERSON).to_numpy(bool)
    restored = manifest.copy()
    restored.loc[back, "kept"] = "1"
    restored.loc[back, ["dropped_for", "score", "duplicate_of"]] = ""
    return restored


def separate(manifest: pd.DataFrame, held_out: Bool[np.ndarray, " n"]) -> pd.DataFrame:
    """Keep each different test image, and drop the training images of its duplicate group.

    Of test images with equal pixels one stays, or none if their labels differ. Training images that share a
    duplicate group with a test image are dropped, also those that a person has kept.

    Args:
        manifest: with the final `duplicate_group`.
        held_out: the rows of the test split.
    """
    settled = _drop_equal(restore(manifest, held_out), held_out)
    tested = held_out & (settled["kept"] == "1").to_numpy(bool)
    close = settled["duplicate_group"].isin(settled["duplicate_group"][tested]).to_numpy(bool)
    leaving = close & ~held_out & (settled["kept"] == "1").to_numpy(bool)
    settled.loc[leaving, "kept"] = "0"
    settled.loc[leaving, "dropped_for"] = TEST_GROUP
    return settled


def _drop_equal(manifest: pd.DataFrame, held_out: Bool[np.ndarray, " n"]) -> pd.DataFrame:
    """Drop test images with the pixels of another one, and all of them if their labels differ."""
    rows = manifest[held_out & (manifest["kept"] == "1").to_numpy(bool)]
    repeated = rows[rows.duplicated("pixel_sha256", keep=False)]
    ordered = repeated.assign(other=repeated["decided_by"] != PERSON).sort_values(
        ["other", "sha256", "query"]
    )
    alike = ordered.groupby("pixel_sha256", sort=False)
    conflict = (alike["label"].transform("nunique") > 1) & alike["other"].transform("all")
    repeats = ordered[~conflict & (alike.cumcount() > 0)]
    dropped = manifest.copy()
    dropped.loc[ordered.index[conflict], "kept"] = "0"
    dropped.loc[ordered.index[conflict], "dropped_for"] = LABEL_CONFLICT
    dropped.loc[repeats.index, "kept"] = "0"
    dropped.loc[repeats.index, "dropped_for"] = EXACT_DUPLICATE
    dropped.loc[repeats.index, "duplicate_of"] = alike["sha256"].transform("first")[repeats.index]
    return dropped
