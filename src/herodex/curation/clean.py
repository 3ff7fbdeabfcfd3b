"""Stage `clean_images`: check and normalise downloads, and find duplicates by hash."""

import logging
import shutil
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Int, UInt64

from herodex import paths
from herodex.command import run_command
from herodex.curation.check_downloads import Checked, check_all
from herodex.curation.duplicate_groups import same_values
from herodex.curation.duplicate_limits import mark_within_limits
from herodex.curation.duplicate_pairs import score_pairs
from herodex.curation.near_duplicates import near_hashes
from herodex.dataset.manifest import (
    NO_HASH,
    ReadImage,
    read_clean,
    read_manifest,
    require_every_class,
    summary,
    write_manifest,
)
from herodex.params import CleanImagesParams, ScaleParams, load_params
from herodex.scale.engine import LOCAL

log = logging.getLogger(__name__)

FAILED_DOWNLOAD = {"truncated": "truncated", "not_an_image": "not_an_image", "too_large": "too_large"}
"""Values of `dropped_for` by the crawl's `status`; any other that is not `ok` is `no_download`."""


def hash_pairs(
    manifest: pd.DataFrame, mirrored: Sequence[str], params: CleanImagesParams
) -> Int[np.ndarray, "pairs 2"]:
    """Find pairs of rows with different pixels and similar perceptual hashes, mirrored or not.

    Perceptual hashes are compared for kept rows only, because those of dark or blank images are arbitrary.

    Args:
        manifest: with `pixel_sha256`, `phash` and `kept`.
        mirrored: the perceptual hashes of the mirrored images.
        params: the largest Hamming distance.

    Returns:
        positions of rows.
    """
    hashed = np.flatnonzero((manifest["phash"] != NO_HASH) & (manifest["kept"] == "1"))
    hashes = _as_integers(manifest["phash"].iloc[hashed])
    mirrors = _as_integers(pd.Series(mirrored).iloc[hashed])
    found = [near_hashes(hashes, others, params.near_distance) for others in (hashes, mirrors)]
    near = hashed[np.unique(np.concatenate(found), axis=0)]
    pixels = manifest["pixel_sha256"].to_numpy()
    return near[pixels[near[:, 0]] != pixels[near[:, 1]]]


def _as_integers(hashes: "pd.Series[str]") -> UInt64[np.ndarray, " n"]:
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def clean(
    manifest: pd.DataFrame,
    checks: Sequence[Checked],
    params: CleanImagesParams,
    read: ReadImage = read_clean,
    scale: ScaleParams = LOCAL,
) -> pd.DataFrame:
    """Add the results of the checks and the duplicates to the crawl's manifest.

    Args:
        manifest: the crawl's.
        checks: one per row.
        params: of the stage.
        read: reads a normalised image; on Ray, by an absolute path.
        scale: the engine.
    """
    cleaned = manifest.assign(
        dropped_for=[
            checked.dropped_for if status == "ok" else FAILED_DOWNLOAD.get(status, "no_download")
            for status, checked in zip(manifest["status"], checks, strict=True)
        ],
        score=[checked.score for checked in checks],
        width=[str(checked.width) for checked in checks],
        height=[str(checked.height) for checked in checks],
        format=[checked.format for checked in checks],
        pixel_sha256=[checked.pixel_sha256 for checked in checks],
        phash=[checked.phash for checked in checks],
        duplicate_of="",
    )
    cleaned["kept"] = np.where(cleaned["dropped_for"] == "", "1", "0")
    compared = (cleaned["kept"] == "1").to_numpy()
    near = hash_pairs(cleaned, [checked.mirrored for checked in checks], params)
    scored = score_pairs(cleaned, compared, near, params.near_alignment, read, scale)
    exact = [same_values(cleaned[column].tolist()) for column in ("sha256", "pixel_sha256")]
    # The curation decides again with the features, and reports the checks that are switched off.
    marked, _ = mark_within_limits(cleaned, np.concatenate(exact), scored, params)
    return marked


def main() -> None:
    """Write the normalised images, duplicates included, and the extended manifest."""
    params = load_params()
    settings = params.classifier.clean
    manifest = read_manifest(paths.RAW_IMAGES / paths.MANIFEST)
    files: list[str] = manifest["file"].tolist()
    checks = check_all(
        files, paths.RAW_IMAGES, paths.CLEAN_IMAGES, settings, scale=params.scale, storage=params.storage
    )
    read = partial(read_clean, folder=paths.CLEAN_IMAGES.absolute())
    cleaned = clean(manifest, checks, settings, read, params.scale)
    require_every_class(cleaned, params, "clean_images")
    write_manifest(cleaned, paths.CLEAN_IMAGES / paths.MANIFEST)
    # Shards of stopped runs with other inputs or settings.
    shutil.rmtree(paths.SHARDS / "clean", ignore_errors=True)
    log.info("%s", summary(cleaned))


if __name__ == "__main__":
    run_command(main)
