"""Stage `curate_images`: copies and labels by what is on the images, and what a person has decided."""

import logging
from collections.abc import Callable

import numpy as np
import pandas as pd

from herodex import paths
from herodex.command import run_command
from herodex.curation.alignment import confirm
from herodex.curation.duplicate_groups import (
    CONFLICT,
    EXACT_DUPLICATE,
    NEAR_DUPLICATE,
    mark_duplicates,
    same_values,
)
from herodex.curation.label_errors import LabelQuality, judge
from herodex.curation.near_duplicates import cosines, near_features, unit_vectors
from herodex.curation.review_decisions import PERSON, Decision, gone, obey, read_review
from herodex.dataset.feature_table import read_features
from herodex.dataset.manifest import (
    read_clean,
    read_manifest,
    require_every_class,
    subjects,
    summary,
    write_manifest,
)
from herodex.params import ClassifierParams, CurateParams, Params, load_params

log = logging.getLogger(__name__)

SURE = 0.5
"""From this probability of another label on, a doubted image shows that; below, nothing in particular."""


def feature_rows(manifest: pd.DataFrame, features: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Find the rows that have features.

    Returns:
        their positions, int [n], in the order of their sha256, so that the table's order does not matter;
        and the features, float32 [n, channels].
    """
    hashes = manifest["sha256"].tolist()
    rows = np.array(
        sorted(filter(lambda i: hashes[i] in features, range(len(hashes))), key=hashes.__getitem__), int
    )
    return rows, np.stack([features[sha256] for sha256 in manifest["sha256"].iloc[rows]])


def find_duplicates(
    manifest: pd.DataFrame,
    rows: np.ndarray,
    vectors: np.ndarray,
    params: ClassifierParams,
    read: Callable[[str], np.ndarray],
) -> pd.DataFrame:
    """Join the copies that hashes and features find, and keep one of each; what a person decided stands.

    Args:
        manifest: after `obey`.
        rows: the positions of rows that have features.
        vectors: these, float32 [rows, channels].
        params: from when on two images are copies.
        read: gives an image by its name in the manifest.
    """
    by_person = manifest["decided_by"] == PERSON
    chosen = (by_person & (manifest["kept"] == "1")).to_numpy()
    refused = (by_person & (manifest["kept"] == "0")).to_numpy()
    # What was set aside as a copy alone is judged anew: a person's word may have changed who stays.
    copies = manifest["dropped_for"].isin([EXACT_DUPLICATE, NEAR_DUPLICATE, CONFLICT]).to_numpy()
    judged = (manifest["kept"] == "1").to_numpy() | copies | refused
    candidates = manifest.assign(
        kept=np.where(judged, "1", manifest["kept"]),
        dropped_for=np.where(judged, "", manifest["dropped_for"]),
        duplicate_of="",
    )
    # By the image, not the result: the same bytes under several queries are looked up once.
    open_ = np.flatnonzero(judged[rows])
    once = open_[~manifest["sha256"].iloc[rows[open_]].duplicated().to_numpy()]
    near = rows[once][near_features(vectors[once], params.curate.near_similarity)]
    near = confirm(near, manifest["file"].tolist(), read, params.clean.near_alignment)
    pairs = np.concatenate([same_values(list(manifest["cluster"])), near])
    marked = mark_duplicates(candidates, pairs, chosen, refused)
    columns = ["kept", "dropped_for", "duplicate_of"]
    marked.loc[refused, columns] = manifest.loc[refused, columns]
    return marked


def score_duplicates(manifest: pd.DataFrame, rows: np.ndarray, vectors: np.ndarray) -> pd.DataFrame:
    """Give each copy, as its `score`, how far its features are from those of the image that stays."""
    place = {sha256: i for i, sha256 in enumerate(manifest["sha256"].iloc[rows])}
    copies = np.flatnonzero(manifest["duplicate_of"] != "")
    hashes = zip(manifest["sha256"].iloc[copies], manifest["duplicate_of"].iloc[copies], strict=True)
    pairs = np.array([[place[sha256], place[kept]] for sha256, kept in hashes], int).reshape(-1, 2)
    score = manifest["score"].to_numpy(object, copy=True)
    score[copies] = [f"{max(1 - cosine, 0):.3f}" for cosine in cosines(unit_vectors(vectors), pairs)]
    return manifest.assign(score=score)


def set_aside(
    manifest: pd.DataFrame, rows: np.ndarray, doubts: LabelQuality, params: CurateParams
) -> pd.DataFrame:
    """Write down what the features say of each label, and set those rows aside that they do not bear out."""
    quality = np.full(len(manifest), "", object)
    quality[rows] = [f"{value:.3f}" if value == value else "" for value in doubts.quality]
    looks_like = np.full(len(manifest), "", object)
    looks_like[rows] = doubts.looks_like
    doubted = doubts.quality < params.min_label_quality * doubts.chance
    sure = doubts.certainty >= SURE
    reason = np.where(doubted, np.where(sure, "label_error", "outlier"), "")
    open_ = (manifest["kept"] == "1") & (manifest["decided_by"] != PERSON)
    marked = (reason != "") & open_.to_numpy()[rows]
    judged = manifest.assign(label_quality=quality, looks_like=looks_like)
    places = manifest.index[rows[marked]]
    judged.loc[places, "kept"] = "0"
    judged.loc[places, "dropped_for"] = reason[marked]
    judged.loc[places, "score"] = [f"{value:.3f}" for value in doubts.quality[marked]]
    return judged


def curate(
    manifest: pd.DataFrame,
    features: dict[str, np.ndarray],
    decisions: dict[str, Decision],
    params: Params,
    read: Callable[[str], np.ndarray] = read_clean,
) -> pd.DataFrame:
    """Obey a person's decisions, join copies, and set aside what does not show what its label says."""
    settings = params.classifier.curate
    decided = obey(manifest, decisions)
    rows, vectors = feature_rows(decided, features)
    marked = score_duplicates(find_duplicates(decided, rows, vectors, params.classifier, read), rows, vectors)
    known = (marked["kept"] == "1").to_numpy()[rows]
    shown = subjects(marked, params)[rows]
    doubts = judge(vectors, shown, marked["cluster"].to_numpy(str)[rows], known, settings.folds)
    return set_aside(marked, rows, doubts, settings)


def main() -> None:
    """Write `curated.csv`: the manifest with what is kept after copies, doubts and a person's decisions."""
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    decisions = read_review(paths.REVIEW, params)
    curated = curate(manifest, read_features(paths.FEATURES), decisions, params)
    require_every_class(curated, params, "curate_images")
    write_manifest(curated, paths.CURATED_IMAGES)
    log.info("%s", summary(curated))
    if lost := gone(manifest, decisions):
        log.info("%d decisions in %s are about images that are gone: %s", len(lost), paths.REVIEW, lost)


if __name__ == "__main__":
    run_command(main)
