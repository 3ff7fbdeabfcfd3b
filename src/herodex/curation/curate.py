"""Stage `curate_images`: apply review decisions, and find duplicates and label errors by features."""

import logging
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from herodex import paths
from herodex.class_sizes import class_sizes, size_warnings
from herodex.command import run_command
from herodex.curation.duplicate_groups import (
    EXACT_DUPLICATE,
    LABEL_CONFLICT,
    NEAR_DUPLICATE,
    join_groups,
    pairs_within,
    same_values,
)
from herodex.curation.duplicate_limits import Off, describe_off, mark_within_limits
from herodex.curation.duplicate_pairs import score_pairs
from herodex.curation.held_out_images import held_out_images, restore, separate
from herodex.curation.label_errors import (
    LABEL_ERROR,
    LabelErrors,
    Labelled,
    LabelQuality,
    find_label_errors,
)
from herodex.curation.licence_check import check_licences
from herodex.curation.near_duplicates import cosines, near_features
from herodex.curation.review_decisions import (
    PERSON,
    Decision,
    apply_decisions,
    orphaned_decisions,
    read_review,
)
from herodex.dataset.feature_table import Features, Vectors, read_features, vectors_of
from herodex.dataset.manifest import (
    ReadImage,
    read_clean,
    read_manifest,
    require_every_class,
    subjects,
    summary,
    write_manifest,
)
from herodex.params import FROM_FEEDBACK, Params, load_params

log = logging.getLogger(__name__)


def feature_rows(manifest: pd.DataFrame, features: Features) -> tuple[Int[np.ndarray, " n"], Vectors]:
    """Return the positions of rows with features, and the features; stored ones stay on disk.

    The rows are sorted by sha256, so the result does not depend on the table's order.
    """
    hashes: list[str] = manifest["sha256"].tolist()
    rows = sorted((row for row in range(len(hashes)) if hashes[row] in features), key=hashes.__getitem__)
    return np.array(rows, int), vectors_of(features, [hashes[row] for row in rows])


def find_duplicates(
    manifest: pd.DataFrame,
    rows: Int[np.ndarray, " n"],
    vectors: Vectors,
    held_out: Bool[np.ndarray, " m"],
    params: Params,
    read: ReadImage,
) -> pd.DataFrame:
    """Merge duplicates by hash and by features, keep one image of each, and join the user's groups.

    Args:
        manifest: after `apply_decisions`.
        rows: positions of the rows with features.
        vectors: the features.
        held_out: the rows of the user's test images.
        params: the thresholds and the engine.
        read: reads a normalised image; on Ray, by an absolute path.
    """
    settings, scale = params.classifier, params.scale
    by_person = manifest["decided_by"] == PERSON
    chosen = (by_person & (manifest["kept"] == "1")).to_numpy()
    refused = (by_person & (manifest["kept"] == "0")).to_numpy()
    # Duplicates are resolved again from the start: a decision may have changed which one is kept.
    duplicates = manifest["dropped_for"].isin([EXACT_DUPLICATE, NEAR_DUPLICATE, LABEL_CONFLICT]).to_numpy()
    compared = (manifest["kept"] == "1").to_numpy() | duplicates | refused
    candidates = manifest.assign(
        kept=np.where(compared, "1", manifest["kept"]),
        dropped_for=np.where(compared, "", manifest["dropped_for"]),
        duplicate_of="",
    )
    # An image found by several queries is looked up once.
    places = np.flatnonzero(compared[rows])
    once = places[~manifest["sha256"].iloc[rows[places]].duplicated().to_numpy()]
    near = rows[near_features(vectors, settings.curate.near_similarity, once, scale=scale)]
    exact = [same_values(manifest[column].tolist()) for column in ("sha256", "pixel_sha256")]
    groups = manifest["duplicate_group"].where(compared, "").tolist()
    by_hash = pairs_within(groups, manifest["pixel_sha256"].tolist())
    near = np.unique(np.sort(np.concatenate([near, by_hash]), axis=1), axis=0)
    pixels = manifest["pixel_sha256"].to_numpy()
    near = near[pixels[near[:, 0]] != pixels[near[:, 1]]]
    scored = score_pairs(manifest, compared, near, settings.clean.near_alignment, read, scale)
    marked, off = mark_within_limits(
        candidates, np.concatenate(exact), scored, settings.clean, chosen, refused, held_out
    )
    marked["checks_off"] = describe_off(off, marked["query"])
    columns = ["kept", "dropped_for", "duplicate_of"]
    marked.loc[refused, columns] = manifest.loc[refused, columns]
    # Only now, because images of one group may differ: they are no candidates for near duplicates.
    return separate(join_groups(marked), held_out)


def score_duplicates(manifest: pd.DataFrame, rows: Int[np.ndarray, " n"], vectors: Vectors) -> pd.DataFrame:
    """Set the `score` of each duplicate to its cosine distance from the image that is kept."""
    place = {sha256: i for i, sha256 in enumerate(manifest["sha256"].iloc[rows])}
    duplicates = np.flatnonzero(manifest["duplicate_of"] != "")
    hashes = zip(manifest["sha256"].iloc[duplicates], manifest["duplicate_of"].iloc[duplicates], strict=True)
    pairs = np.array([[place[sha256], place[kept]] for sha256, kept in hashes], int).reshape(-1, 2)
    score = manifest["score"].to_numpy(object, copy=True)
    score[duplicates] = [f"{max(1 - cosine, 0):.3f}" for cosine in cosines(vectors, pairs)]
    return manifest.assign(score=score)


def drop_label_errors(
    manifest: pd.DataFrame, rows: Int[np.ndarray, " n"], labels: LabelQuality, errors: LabelErrors
) -> pd.DataFrame:
    """Record the label quality of `rows`, drop label errors, and record where the check is switched off."""
    quality = np.full(len(manifest), "", object)
    quality[rows] = ["" if np.isnan(value) else f"{value:.3f}" for value in labels.quality]
    looks_like = np.full(len(manifest), "", object)
    looks_like[rows] = labels.looks_like
    off = {label: [Off(LABEL_ERROR, reason)] for label, reason in errors.off.items()}
    notes = zip(manifest["checks_off"], describe_off(off, manifest["query"]), strict=True)
    scored = manifest.assign(
        label_quality=quality, looks_like=looks_like, checks_off=["; ".join(filter(None, n)) for n in notes]
    )
    dropped = errors.reason != ""
    places = manifest.index[rows[dropped]]
    scored.loc[places, "kept"] = "0"
    scored.loc[places, "dropped_for"] = errors.reason[dropped]
    scored.loc[places, "score"] = [f"{value:.3f}" for value in labels.quality[dropped]]
    return scored


def labelled_by_person(manifest: pd.DataFrame) -> Bool[np.ndarray, " n"]:
    """Mark the rows whose label is a person's: of a review decision, or of an accepted report."""
    decided = (manifest["decided_by"] == PERSON).to_numpy()
    return decided | (manifest["source"] == FROM_FEEDBACK).to_numpy() if "source" in manifest else decided


def curate(
    manifest: pd.DataFrame,
    features: Features,
    decisions: dict[str, Decision],
    params: Params,
    read: ReadImage = read_clean,
) -> pd.DataFrame:
    """Apply review decisions, merge duplicates, and drop label errors and outliers.

    The user's own test images are scored, but no label check learns from them or drops them.
    The label checks drop no label that a person gave. `checks_off` says, for each row, which checks are
    switched off for its query, and why.
    """
    settings = params.classifier.curate
    held_out = held_out_images(manifest, params)
    decided = restore(check_licences(apply_decisions(manifest, decisions), params.use), held_out)
    rows, vectors = feature_rows(decided, features)
    marked = find_duplicates(decided, rows, vectors, held_out, params, read)
    marked = score_duplicates(marked, rows, vectors)
    learnt = (marked["kept"] == "1").to_numpy()[rows] & ~held_out[rows]
    labels, groups = subjects(marked, params)[rows], marked["duplicate_group"].to_numpy(str)[rows]
    undecided = ~labelled_by_person(marked)[rows]
    images = Labelled(vectors, labels, groups, learnt, settings.folds, params.scale)
    scores, errors = find_label_errors(images, undecided, settings.min_label_quality)
    return drop_label_errors(marked, rows, scores, errors)


def main() -> None:
    """Write `curated.csv`: the manifest after decisions, duplicates and label errors."""
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    decisions = read_review(paths.REVIEW, params)
    read = partial(read_clean, folder=paths.CLEAN_IMAGES.absolute())
    curated = curate(manifest, read_features(paths.FEATURES), decisions, params, read)
    require_every_class(curated, params, "curate_images")
    write_manifest(curated, paths.CURATED_IMAGES)
    log.info("%s", summary(curated))
    learnt = curated[~held_out_images(curated, params)]
    for warning in size_warnings(class_sizes(learnt, params.classes)):
        log.warning("%s", warning)
    if orphaned := orphaned_decisions(manifest, decisions):
        log.info(
            "%d decisions in %s are orphaned, as no image has their sha256: %s",
            len(orphaned),
            paths.REVIEW,
            orphaned,
        )


if __name__ == "__main__":
    run_command(main)
