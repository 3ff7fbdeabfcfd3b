"""Check, normalise and save downloads, a shard at a time."""

import hashlib
import json
import logging
import shutil
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from jaxtyping import UInt8
from PIL import Image

from herodex import paths
from herodex.curation.image_quality import first_fault, measure_quality
from herodex.dataset.bucket_cache import Remote, remote_to_write
from herodex.dataset.image_shards import CleanImage, Records, remove_image_shards, write_shards
from herodex.dataset.image_store import png_name
from herodex.dataset.manifest import NO_HASH
from herodex.inference.image_decoding import ImageError, full_size, normalise, open_image
from herodex.params import CleanImagesParams, ScaleParams, StorageParams
from herodex.scale.disk_errors import explain_full_disk
from herodex.scale.engine import LOCAL, map_shards
from herodex.scale.shard_results import finished, link_or_copy, shard_key, written

log = logging.getLogger(__name__)

UNDECODABLE = {
    "truncated": "truncated",
    "unreadable": "unreadable",
    "unsupported": "not_an_image",
    "too_large": "too_large",
    "too_complex": "unreadable",
}
"""Values of `dropped_for` by `ImageError.kind`."""
SHARD_IMAGES = 16
"""Downloads of a shard: less than a second of work, which a killed process loses."""
CHECKS = "checks.json"
IN_FILES = StorageParams()
"""The layout of callers that name none."""


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
        hash_pixels(pixels),
        perceptual_hash(pixels),
        perceptual_hash(pixels[:, ::-1]),
    )


def hash_pixels(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    """Return the SHA-256 of an image's size and pixels."""
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def pixel_hash(data: bytes, params: CleanImagesParams) -> str:
    """Return the `pixel_sha256` of an image file; `NO_HASH` for what cannot be decoded."""
    try:
        return hash_pixels(normalise(open_image(data, int(params.max_pixels_mp * 1e6)), params.max_side))
    except ImageError:
        return NO_HASH


def scale_of(image: Image.Image, max_side: int) -> float:
    """Return the factor that scales an image down to `max_side`."""
    return min(1.0, max_side / max(full_size(image)))


def perceptual_hash(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
    """Return the 64-bit DCT hash of an RGB image as 16 hexadecimal digits."""
    return str(imagehash.phash(Image.fromarray(pixels)))


@dataclass(frozen=True)
class Shard:
    """A few downloads that one task checks.

    Attributes:
        files: their names in `raw`; empty where a download failed.
        hashes: their SHA-256.
        raw: the folder of the downloads.
        result: the folder for the checks and the normalised images.
        params: of the stage.
    """

    files: tuple[str, ...]
    hashes: tuple[str, ...]
    raw: Path
    result: Path
    params: CleanImagesParams


def divide(files: Sequence[str], raw: Path, results: Path, params: CleanImagesParams) -> list[Shard]:
    """Divide downloads into shards, whose results are named by the files' contents and the settings."""
    settings = params.model_dump_json()
    with ThreadPoolExecutor() as pool:
        hashes = list(pool.map(partial(file_hash, folder=raw), files))
    shards: list[Shard] = []
    for start in range(0, len(files), SHARD_IMAGES):
        part = slice(start, start + SHARD_IMAGES)
        # Shards of failed downloads alone differ by their places only.
        key = shard_key([settings, str(start), *files[part], *hashes[part]])
        place = results.absolute() / key
        shards.append(Shard(tuple(files[part]), tuple(hashes[part]), raw.absolute(), place, params))
    return shards


def file_hash(file: str, folder: Path) -> str:
    """Return the sha256 of a download, or `NO_HASH` if it failed."""
    if not file:
        return NO_HASH
    with (folder / file).open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_shard(shard: Shard) -> None:
    """Check the downloads of a shard; write the checks, and each normalised image as PNG."""
    with written(shard.result) as folder:
        checks: list[Checked] = []
        for place, file in enumerate(shard.files):
            checked = check((shard.raw / file).read_bytes(), shard.params) if file else Checked()
            if checked.pixels is not None:
                # The files are read more often than sent, so fast compression beats small size.
                Image.fromarray(checked.pixels).save(folder / f"{place}.png", compress_level=1)
            checks.append(replace(checked, pixels=None))
        (folder / CHECKS).write_text(json.dumps([asdict(checked) for checked in checks]), encoding="utf-8")


def images_of(shard: Shard) -> Iterator[CleanImage]:
    """Yield the normalised images of a finished shard, also of those that are stored and deleted here."""
    rows = zip(shard.files, shard.hashes, read_checks(shard), strict=True)
    for place, (file, sha256, checked) in enumerate(rows):
        if checked.phash:
            yield CleanImage(png_name(file), sha256, shard.result / f"{place}.png")


def store(
    images: Iterable[CleanImage],
    clean: Path,
    storage: StorageParams,
    remote: Remote | None = None,
    records: Records | None = None,
) -> None:
    """Put normalised images into the folder `clean`, or shards of them into a bucket, as `storage` says."""
    if storage.shard_rows:
        write_shards(images, clean, storage.shard_rows, remote, records)
        return
    remove_image_shards(clean)
    for image in images:
        link_or_copy(image.png, clean / image.name)


def read_checks(shard: Shard) -> list[Checked]:
    """Read the checks of a finished shard."""
    fields: list[dict[str, Any]] = json.loads((shard.result / CHECKS).read_text(encoding="utf-8"))
    return [Checked(**values) for values in fields]


def check_all(
    files: Sequence[str],
    raw: Path,
    clean: Path,
    params: CleanImagesParams,
    workers: int | None = None,
    scale: ScaleParams = LOCAL,
    results: Path = paths.SHARDS / "clean",
    storage: StorageParams = IN_FILES,
) -> list[Checked]:
    """Check and save all downloads, in order.

    Args:
        files: names in `raw`.
        raw: the folder of the downloads.
        clean: the folder for the normalised images.
        params: of the stage.
        workers: threads of the local engine.
        scale: the engine.
        results: the folder of shards that are finished; those of a stopped run are not computed again.
        storage: the layout of `clean`.
    """
    remote, stored = remote_to_write(clean, storage), results.with_name(f"{results.name}-stored")
    shards = divide(files, raw, results, params)
    left = finished(results)
    missing = [shard for shard in shards if shard.result.name not in left]
    if len(missing) < len(shards):
        log.info(
            "%d of %d shards are left from a run that was stopped", len(shards) - len(missing), len(shards)
        )
    with explain_full_disk():
        done = map_shards(check_shard, missing, scale, "clean", workers)
        if remote:
            # Images are uploaded and deleted while others are checked, so the disk need not hold all of them.
            places = {shard.result: shard for shard in shards}

            def restore(folder: Path) -> None:
                check_again(places[folder])

            records = Records(stored, restore)
            ready = in_order(shards, left, done)
            store((image for shard in ready for image in images_of(shard)), clean, storage, remote, records)
        else:
            deque(done, maxlen=0)
            store((image for shard in shards for image in complete_images(shard)), clean, storage)
    checks = [checked for shard in shards for checked in read_checks(shard)]
    for shard in shards:
        shutil.rmtree(shard.result)
    shutil.rmtree(stored, ignore_errors=True)
    return checks


def complete_images(shard: Shard) -> Iterator[CleanImage]:
    """Yield the normalised images of a finished shard; check it again if a stopped run has deleted some."""
    if not all(image.png.exists() for image in images_of(shard)):
        check_again(shard)
    return images_of(shard)


def check_again(shard: Shard) -> None:
    """Make the result of a shard anew."""
    shutil.rmtree(shard.result)
    check_shard(shard)


def in_order(shards: Iterable[Shard], left: Container[str], done: Iterator[None]) -> Iterator[Shard]:
    """Yield each shard when it is finished, those that are left from an earlier run included."""
    for shard in shards:
        if shard.result.name not in left:
            next(done)
        yield shard
