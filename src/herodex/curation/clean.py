"""Stage `clean_images`: which downloads are images, in one form, and which are copies by their hashes."""

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from herodex import paths
from herodex.command import run_command
from herodex.curation.alignment import confirm
from herodex.curation.duplicate_groups import mark_duplicates, same_values
from herodex.curation.image_quality import measure_quality, worst_fault
from herodex.curation.near_duplicates import near_hashes
from herodex.dataset.manifest import (
    NO_HASH,
    read_clean,
    read_manifest,
    require_every_class,
    summary,
    write_manifest,
)
from herodex.inference.image_decoding import ImageError, normalise, open_image
from herodex.params import CleanImagesParams, load_params
from herodex.progress import track

log = logging.getLogger(__name__)

UNUSABLE = {
    "truncated": "truncated",
    "unreadable": "unreadable",
    "unsupported": "not_an_image",
    "too_large": "too_large",
}
"""What `ImageError.kind` is called in the manifest."""
NOT_DOWNLOADED = {"truncated": "truncated", "not_an_image": "not_an_image", "too_large": "too_large"}
"""What a `status` of the crawl is called; any other that is not `ok` is `no_download`."""


@dataclass(frozen=True)
class Checked:
    """What a look at one download found.

    `pixels` is the normalised image, uint8 RGB [h, w, 3], or None where it cannot be decoded.
    `dropped_for` says why an image is set aside, and `score`, from 0 (worst) to 1, how bad it is. `width`
    and `height` are what the file has of the image itself, upright and without bars.
    `pixel_sha256` is of the decoded pixels; `phash` and `mirrored` are perceptual hashes as 16
    hexadecimal digits.
    """

    dropped_for: str = ""
    score: str = ""
    pixels: np.ndarray | None = None
    width: int = 0
    height: int = 0
    format: str = ""
    pixel_sha256: str = NO_HASH
    phash: str = NO_HASH
    mirrored: str = NO_HASH


def check(data: bytes, params: CleanImagesParams) -> Checked:
    """Decode, check and normalise one download; whatever is wrong with it becomes `dropped_for`.

    Whatever can be decoded is normalised, even if it is set aside: a person may want it all the same.
    """
    try:
        image = open_image(data, int(params.max_pixels_mp * 1e6))
        pixels = normalise(image, params.max_side)
    except ImageError as error:
        return Checked(UNUSABLE[error.kind])
    height, width = (round(side / scale_of(image, params.max_side)) for side in pixels.shape[:2])
    reason, score = worst_fault(measure_quality(pixels), params)
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
    """By how much an image is scaled so that no side is above `max_side`."""
    return min(1.0, max_side / max(image.size))


def perceptual_hash(pixels: np.ndarray) -> str:
    """The DCT hash of 64 bits of a uint8 RGB image [h, w, 3], as 16 hexadecimal digits."""
    return str(imagehash.phash(Image.fromarray(pixels)))


def hash_pairs(
    manifest: pd.DataFrame,
    mirrored: list[str],
    params: CleanImagesParams,
    read: Callable[[str], np.ndarray],
) -> np.ndarray:
    """Find rows that are copies by bytes or pixels, or nearly so by perceptual hash, mirrored or not.

    Only rows that are still kept are compared by perceptual hash, which says little of a dark or blank one;
    and simple images may share a hash by chance, so the pixels have to fit as well.

    Args:
        manifest: with `sha256`, `pixel_sha256`, `phash`, `kept` and `file`.
        mirrored: the perceptual hashes of the mirrored images.
        params: how far hashes may differ, and how well pixels must fit.
        read: gives an image in normal form by its name in the manifest.

    Returns:
        int [pairs, 2], positions of rows.
    """
    hashed = np.flatnonzero((manifest["phash"] != NO_HASH) & (manifest["kept"] == "1"))
    hashes = _as_integers(manifest["phash"].iloc[hashed])
    mirrors = _as_integers(pd.Series(mirrored).iloc[hashed])
    found = [near_hashes(hashes, others, params.near_distance) for others in (hashes, mirrors)]
    near = hashed[np.unique(np.concatenate(found), axis=0)]
    exact = [same_values(list(manifest[column])) for column in ("sha256", "pixel_sha256")]
    pixels = manifest["pixel_sha256"].to_numpy()
    near = near[pixels[near[:, 0]] != pixels[near[:, 1]]]
    return np.concatenate([*exact, confirm(near, list(manifest["file"]), read, params.near_alignment)])


def _as_integers(hashes: pd.Series) -> np.ndarray:
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def clean(
    manifest: pd.DataFrame,
    checks: list[Checked],
    params: CleanImagesParams,
    read: Callable[[str], np.ndarray] = read_clean,
) -> pd.DataFrame:
    """Extend the crawl's manifest by what the checks found and by copies; see `manifest.py`.

    Args:
        manifest: the crawl's.
        checks: what `check` found, a row each.
        params: of the stage.
        read: gives an image in normal form by its name in the manifest.
    """
    cleaned = manifest.assign(
        dropped_for=[
            checked.dropped_for if status == "ok" else NOT_DOWNLOADED.get(status, "no_download")
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
    pairs = hash_pairs(cleaned, [checked.mirrored for checked in checks], params, read)
    return mark_duplicates(cleaned, pairs)


def check_and_save(file: str, raw: Path, clean: Path, params: CleanImagesParams) -> Checked:
    """Check the download `file` in the folder `raw`, and write what can be decoded to `clean`, as PNG."""
    checked = check((raw / file).read_bytes(), params) if file else Checked()
    if checked.pixels is None:
        return checked
    target = (clean / file).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Lossless, and hardly compressed: it is read more often than it is sent anywhere.
    Image.fromarray(checked.pixels).save(target, compress_level=1)
    return replace(checked, pixels=None)


def check_all(
    files: list[str], raw: Path, clean: Path, params: CleanImagesParams, workers: int | None = None
) -> list[Checked]:
    """Check and save all downloads, in their order, on several threads; their number changes nothing."""
    with ThreadPoolExecutor(workers) as pool:
        checks = pool.map(lambda file: check_and_save(file, raw, clean, params), files)
        return list(track(checks, len(files), "clean", "images"))


def main() -> None:
    """Write each image that can be decoded in its normal form, copies too, and the manifest beside them."""
    params = load_params()
    settings = params.classifier.clean
    manifest = read_manifest(paths.RAW_IMAGES / paths.MANIFEST)
    checks = check_all(list(manifest["file"]), paths.RAW_IMAGES, paths.CLEAN_IMAGES, settings)
    cleaned = clean(manifest, checks, settings)
    require_every_class(cleaned, params, "clean_images")
    write_manifest(cleaned, paths.CLEAN_IMAGES / paths.MANIFEST)
    log.info("%s", summary(cleaned))


if __name__ == "__main__":
    run_command(main)
