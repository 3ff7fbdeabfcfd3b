"""Stage `clean_images`: check and normalise downloads, and find duplicates by hash."""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from jaxtyping import Int, UInt8, UInt64
from PIL import Image

from herodex import paths
from herodex.command import run_command
from herodex.curation.duplicate_groups import same_values
from herodex.curation.duplicate_limits import mark_within_limits
from herodex.curation.duplicate_pairs import score_pairs
from herodex.curation.image_quality import first_fault, measure_quality
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
from herodex.inference.image_decoding import ImageError, full_size, normalise, open_image
from herodex.params import CleanImagesParams, load_params
from herodex.progress import track

log = logging.getLogger(__name__)

UNDECODABLE = {
    "truncated": "truncated",
    "unreadable": "unreadable",
    "unsupported": "not_an_image",
    "too_large": "too_large",
    "too_complex": "unreadable",
}
"""Values of `dropped_for` by `ImageError.kind`."""
FAILED_DOWNLOAD = {"truncated": "truncated", "not_an_image": "not_an_image", "too_large": "too_large"}
"""Values of `dropped_for` by the crawl's `status`; any other that is not `ok` is `no_download`."""


@dataclass(frozen=True)
class Checked:
    """The result of checking one download.

    Attributes:
        dropped_for: the failed check, or empty.
        score: of the failed check, from 0 (worst) to 1.
        pixels: the normalised image, or None if the file cannot be decoded.
        width: in pixels, upright and without bars.
        height: likewise.
        format: as Pillow names it.
        pixel_sha256: of the normalised pixels.
        phash: perceptual hash as 16 hexadecimal digits.
        mirrored: perceptual hash of the mirrored image.
    """

    dropped_for: str = ""
    score: str = ""
    pixels: UInt8[np.ndarray, "h w 3"] | None = None
    width: int = 0
    height: int = 0
    format: str = ""
    pixel_sha256: str = NO_HASH
    phash: str = NO_HASH
    mirrored: str = NO_HASH


def check(data: bytes, params: CleanImagesParams) -> Checked:
    """Decode, normalise and check one download.

    An image that fails a check is normalised too, because a reviewer may keep it.
    """
    try:
        image = open_image(data, int(params.max_pixels_mp * 1e6))
        pixels = normalise(image, params.max_side)
    except ImageError as error:
        return Checked(UNDECODABLE[error.kind])
    height, width = (round(side / scale_of(image, params.max_side)) for side in pixels.shape[:2])
    reason, score = first_fault(measure_quality(pixels), params)
    if min(width, height) < params.min_side:
        reason, score = "too_small", min(width, height) / params.min_side
    return Checked(
        reason,
        f"{score:.3f}" if reason else "",
        pixels,
        width,
        height,
        image.format or "",
        hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest(),
        perceptual_hash(pixels),
        perceptual_hash(pixels[:, ::-1]),
    )


def scale_of(image: Image.Image, max_side: int) -> float:
    """Return the factor that scales an image down to `max_side`."""
    return min(1.0, max_side / max(full_size(image)))


def perceptual_hash(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    """Return the 64-bit DCT hash of an RGB image as 16 hexadecimal digits."""
    return str(imagehash.phash(Image.fromarray(pixels)))


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
) -> pd.DataFrame:
    """Add the results of the checks and the duplicates to the crawl's manifest.

    Args:
        manifest: the crawl's.
        checks: one per row.
        params: of the stage.
        read: reads a normalised image.
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
    scored = score_pairs(cleaned, compared, near, params.near_alignment, read)
    exact = [same_values(cleaned[column].tolist()) for column in ("sha256", "pixel_sha256")]
    # The curation decides again with the features, and reports the checks that are switched off.
    marked, _ = mark_within_limits(cleaned, np.concatenate(exact), scored, params)
    return marked


def check_and_save(file: str, raw: Path, clean: Path, params: CleanImagesParams) -> Checked:
    """Check the download `file` in the folder `raw`, and save its normalised image as PNG in `clean`."""
    checked = check((raw / file).read_bytes(), params) if file else Checked()
    if checked.pixels is None:
        return checked
    target = (clean / file).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    # The files are read more often than sent, so fast compression beats small size.
    Image.fromarray(checked.pixels).save(target, compress_level=1)
    return replace(checked, pixels=None)


def check_all(
    files: Sequence[str], raw: Path, clean: Path, params: CleanImagesParams, workers: int | None = None
) -> list[Checked]:
    """Check and save all downloads on several threads, in order."""
    with ThreadPoolExecutor(workers) as pool:
        checks = pool.map(partial(check_and_save, raw=raw, clean=clean, params=params), files)
        return list(track(checks, len(files), "clean", "images"))


def main() -> None:
    """Write the normalised images, duplicates included, and the extended manifest."""
    params = load_params()
    settings = params.classifier.clean
    manifest = read_manifest(paths.RAW_IMAGES / paths.MANIFEST)
    checks = check_all(manifest["file"].tolist(), paths.RAW_IMAGES, paths.CLEAN_IMAGES, settings)
    cleaned = clean(manifest, checks, settings)
    require_every_class(cleaned, params, "clean_images")
    write_manifest(cleaned, paths.CLEAN_IMAGES / paths.MANIFEST)
    log.info("%s", summary(cleaned))


if __name__ == "__main__":
    run_command(main)
