"""Thumbnails of training images, which the page shows as the ones most similar to a visitor's image."""

import csv
import io
import logging
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from herodex.params import FROM_FEEDBACK, FROM_FOLDER, PageParams

log = logging.getLogger(__name__)

SIDE = 96
"""Pixels of the longer side."""
QUALITY = 60
MOST = 5_000
"""The largest number of thumbnails, which take about 2 kB each."""
LEARNT = ("train", "validation")
"""Parts of the images that the classifier learns from."""
THREADS = 4
_LICENSE = re.compile(r"cc|public domain", re.IGNORECASE)


def thumbnail_name(sha256: str) -> str:
    """Return the file name of an image's thumbnail."""
    return f"{sha256}.webp"


def may_be_shown(row: Mapping[str, str], page: PageParams) -> bool:
    """Return whether visitors may see an image.

    Images of the web need a licence under which they may be passed on. Those of a user's own folder are shown
    only if `page` says so, and those that visitors reported never, because they agreed to training alone.

    Args:
        row: of the image, with its source and licence.
        page: settings of the page.
    """
    if not page.neighbours or row["source"] == FROM_FEEDBACK:
        return False
    if row["source"] == FROM_FOLDER:
        return page.own_neighbours
    return _LICENSE.match(row["license"]) is not None


def existing_thumbnails(folder: Path, rows: Iterable[Mapping[str, str]], page: PageParams) -> dict[str, Path]:
    """Return the thumbnails in a folder that visitors may see, by the SHA-256 of the images in `rows`."""
    files = {row["sha256"]: folder / thumbnail_name(row["sha256"]) for row in rows if may_be_shown(row, page)}
    return {sha256: file for sha256, file in files.items() if file.is_file()}


def write_thumbnails(
    folder: Path, table: Path, read: Callable[[str], bytes], page: PageParams, most: int = MOST
) -> None:
    """Write a thumbnail of each image that the classifier learns from and visitors may see.

    Of too many, an even sample over the table is taken; the log says how many are left out, and why.

    Args:
        folder: for the thumbnails; its contents are replaced.
        table: the images with their parts, as `split_images` writes it.
        read: reads a normalised image as PNG, by its `file` in the table.
        page: settings of the page.
        most: the largest number of thumbnails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if not page.neighbours:
        return
    with table.open(encoding="utf-8", newline="") as file:
        learnt = [row for row in csv.DictReader(file) if row["part"] in LEARNT]
    shown = [row for row in learnt if may_be_shown(row, page)]
    chosen = even_sample(shown, most)

    def write(row: dict[str, str]) -> int:
        data = encode_thumbnail(read(row["file"]), SIDE, QUALITY)
        return (folder / thumbnail_name(row["sha256"])).write_bytes(data)

    with ThreadPoolExecutor(THREADS) as pool:
        size = sum(pool.map(write, chosen))
    log.info("%d thumbnails of %d training images, %.1f MB", len(chosen), len(learnt), size / 1e6)
    if hidden := len(learnt) - len(shown):
        log.info("%d without one: of your own folder, reported by visitors, or without a licence", hidden)
    if beyond := len(shown) - len(chosen):
        log.info("%d without one: above the limit of %d", beyond, most)


def even_sample(rows: Sequence[dict[str, str]], most: int) -> list[dict[str, str]]:
    """Return rows at even distances, or all if they are few."""
    count = min(most, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def encode_thumbnail(image: bytes, side: int, quality: int) -> bytes:
    """Scale an image down to a longest side in pixels, and encode it as WebP; smaller ones keep their size.

    Raises:
        OSError: the image is damaged.
    """
    encoded = io.BytesIO()
    with Image.open(io.BytesIO(image)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    small.save(encoded, "WEBP", quality=quality)
    return encoded.getvalue()
