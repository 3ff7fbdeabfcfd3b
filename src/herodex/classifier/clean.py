"""Stage `clean_images`: which downloads are pictures, in one form, and which are copies by their hashes."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from herodex import paths
from herodex.classifier.copies import clusters, near_hashes, same_values
from herodex.classifier.manifest import read_manifest, require_every_class, write_manifest
from herodex.classifier.picture import PictureError, normalise, open_picture, trim_bars
from herodex.command import run_command
from herodex.params import CleanImagesParams, load_params
from herodex.progress import track

log = logging.getLogger(__name__)

NO_HASH = ""


@dataclass(frozen=True)
class Checked:
    """What a look at one download found.

    `pixels` is the normalised picture, uint8 RGB [h, w, 3], or None where there is none to use;
    `dropped_for` then says why. `phash` and `mirrored` are perceptual hashes as 16 hexadecimal digits.
    """

    dropped_for: str = ""
    pixels: np.ndarray | None = None
    width: int = 0
    height: int = 0
    format: str = ""
    phash: str = NO_HASH
    mirrored: str = NO_HASH


def check(data: bytes, params: CleanImagesParams) -> Checked:
    """Decode, check and normalise one download; whatever is wrong with it becomes `dropped_for`."""
    try:
        image = open_picture(data, int(params.max_pixels_mp * 1e6))
        width, height, kind = *image.size, image.format or ""
        if min(width, height) < params.min_side:
            return Checked("too_small", width=width, height=height, format=kind)
        pixels = normalise(image, params.max_side)
    except PictureError as error:
        return Checked(error.kind)
    return Checked("", pixels, width, height, kind, perceptual_hash(pixels), perceptual_hash(pixels[:, ::-1]))


def perceptual_hash(pixels: np.ndarray) -> str:
    """The DCT hash of 64 bits of a uint8 RGB picture [h, w, 3] without its bars, as 16 hexadecimal digits."""
    return str(imagehash.phash(Image.fromarray(trim_bars(pixels))))


def mark_copies(manifest: pd.DataFrame, pairs: np.ndarray) -> pd.DataFrame:
    """Give copies a common `cluster`, and keep one row of each: the one with most pixels.

    A cluster whose kept rows carry several labels contradicts itself, so all of it is set aside as
    `conflict`. Only rows that are still kept are judged.

    Args:
        manifest: with `kept`, `dropped_for`, `sha256`, `label`, `width` and `height`.
        pairs: int [n, 2], positions of rows that are copies of each other.

    Returns:
        the manifest with `cluster`, `copy_of`, `kept` and `dropped_for`.
    """
    marked = manifest.copy()
    group = clusters(pairs, len(marked))
    has_picture = marked["sha256"] != ""
    ids = marked["sha256"].where(has_picture, "~").groupby(group).transform("min")
    marked["cluster"] = ids.str[:12].where(has_picture, "")
    pixels = marked["width"].astype(int) * marked["height"].astype(int)
    order = pd.DataFrame(
        {"group": group, "label": marked["label"], "pixels": -pixels, "sha256": marked["sha256"]}
    )
    hashes = list(marked["sha256"])
    order = order[(marked["kept"] == "1").to_numpy()].sort_values(
        ["group", "pixels", "sha256"], kind="stable"
    )
    for _, members in order.groupby("group"):
        if len(members) == 1:
            continue
        best, *rest = members.index
        if members["label"].nunique() > 1:
            marked.loc[members.index, ["kept", "dropped_for"]] = "0", "conflict"
            continue
        for row in rest:
            marked.loc[row, ["kept", "copy_of"]] = "0", hashes[best]
            marked.loc[row, "dropped_for"] = "exact_copy" if hashes[row] == hashes[best] else "near_copy"
    return marked


def hash_pairs(manifest: pd.DataFrame, mirrored: list[str], distance: int) -> np.ndarray:
    """Find rows whose pictures are copies by bytes, or near copies by perceptual hash, mirrored or not.

    Returns:
        int [pairs, 2], positions of rows.
    """
    hashed = np.flatnonzero(manifest["phash"] != NO_HASH)
    hashes = _as_integers(manifest["phash"].iloc[hashed])
    mirrors = _as_integers(pd.Series(mirrored).iloc[hashed])
    near = [near_hashes(hashes, others, distance) for others in (hashes, mirrors)]
    return np.concatenate([same_values(list(manifest["sha256"])), *(hashed[pairs] for pairs in near)])


def _as_integers(hashes: pd.Series) -> np.ndarray:
    return np.array([int(digits, 16) for digits in hashes], dtype=np.uint64)


def clean(manifest: pd.DataFrame, checks: list[Checked], near_distance: int) -> pd.DataFrame:
    """Extend the crawl's manifest by what the checks found and by copies; see `manifest.py`."""
    cleaned = manifest.assign(
        dropped_for=[
            "no_download" if status != "ok" else checked.dropped_for
            for status, checked in zip(manifest["status"], checks, strict=True)
        ],
        width=[str(checked.width) for checked in checks],
        height=[str(checked.height) for checked in checks],
        format=[checked.format for checked in checks],
        phash=[checked.phash for checked in checks],
        copy_of="",
    )
    cleaned["kept"] = np.where(cleaned["dropped_for"] == "", "1", "0")
    pairs = hash_pairs(cleaned, [checked.mirrored for checked in checks], near_distance)
    return mark_copies(cleaned, pairs)


def _check_and_save(file: str, params: CleanImagesParams) -> Checked:
    checked = check((paths.RAW_IMAGES / file).read_bytes(), params) if file else Checked()
    if checked.pixels is None:
        return checked
    target = (paths.CLEAN_IMAGES / file).with_suffix(".png")
    target.parent.mkdir(parents=True, exist_ok=True)
    # Lossless, and hardly compressed: it is read more often than it is sent anywhere.
    Image.fromarray(checked.pixels).save(target, compress_level=1)
    return replace(checked, pixels=None)


def main() -> None:
    """Write every readable picture in its normal form, copies too, and the manifest beside them."""
    params = load_params()
    settings = params.classifier.clean
    manifest = read_manifest(paths.RAW_IMAGES / paths.MANIFEST)
    with ThreadPoolExecutor() as pool:
        checks: Iterator[Checked] = pool.map(lambda file: _check_and_save(file, settings), manifest["file"])
        checked = list(track(checks, len(manifest), "clean", "pictures"))
    cleaned = clean(manifest, checked, settings.near_distance)
    require_every_class(cleaned, params, "clean_images")
    write_manifest(cleaned, paths.CLEAN_IMAGES / paths.MANIFEST)
    log.info("%s", summary(cleaned))


def summary(manifest: pd.DataFrame) -> str:
    """Word how many pictures of each query are kept, and how many were dropped for what."""
    outcome = manifest["dropped_for"].where(manifest["dropped_for"] != "", "kept")
    table = pd.crosstab(manifest["query"], outcome, margins=True, margins_name="all")
    return table.to_string()


if __name__ == "__main__":
    run_command(main)
