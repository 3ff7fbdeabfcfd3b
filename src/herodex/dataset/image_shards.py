"""Write cleaned images as Parquet shards, which pandas, DuckDB and others read too.

The bytes of a shard depend on its images and the version of PyArrow alone.
"""

import hashlib
import json
import mmap
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from herodex.csv_table import write_rows
from herodex.dataset.bucket_cache import Remote, uploading
from herodex.dataset.image_store import COLUMNS, INDEX, Place
from herodex.dataset.shards import DIGITS, LIST, PARTIAL, Shard, is_last, remove_shards, restore, write_list
from herodex.errors import UserError
from herodex.json_record import read_json

SUFFIX = ".parquet"
SHARD = re.compile(rf"[0-9a-f]{{{DIGITS}}}\{SUFFIX}")
"""Names of shards, wherever they are."""
GROUP = 64
"""Images of a row group, which bounds the memory for writing and reading."""
FORMAT: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": False,
    "write_statistics": False,
    "store_schema": False,
    "version": "2.6",
    "data_page_version": "1.0",
}


class CleanImage(NamedTuple):
    """A cleaned image to store: its name, the SHA-256 of the download, and its PNG file."""

    name: str
    sha256: str
    png: Path


class Records(NamedTuple):
    """What is known of shards that are written.

    Attributes:
        folder: of the records.
        restore: makes the PNG files of a folder again, whose name stands for their contents.
    """

    folder: Path
    restore: Callable[[Path], None]


def write_shards(
    images: Iterable[CleanImage],
    folder: Path,
    mean: int,
    remote: Remote | None = None,
    records: Records | None = None,
) -> None:
    """Write images as shards, with their index and list; a shard that exists is not written again.

    Args:
        images: in the order of the manifest; of several with one name, the first is stored.
        folder: for the shards.
        mean: images of a shard.
        remote: the bucket for the shards in place of the folder, which then has the index and the list alone.
        records: of the shards that are written, so that a stopped run continues; the PNG files of their
            images are then deleted.

    Raises:
        UserError: the bucket cannot be used.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Until all is written, the folder is incomplete.
    (folder / LIST).unlink(missing_ok=True)
    shards: list[Shard] = []
    index: list[dict[str, object]] = []
    with uploading(remote) as upload:
        for part in divide_images(images, mean):
            target = remote.cache if remote else folder
            shard, places = write_once(part, target, records) if records else write_shard(part, target)
            upload(shard)
            shards.append(shard)
            for row, (image, place) in enumerate(zip(part, places, strict=True)):
                cells = (image.name, place.shard, row, place.offset, place.size, place.crc32)
                index.append(dict(zip(COLUMNS, cells, strict=True)))
    write_rows(folder / INDEX, COLUMNS, index)
    write_list(folder, shards, elsewhere=remote is not None)


def divide_images(images: Iterable[CleanImage], mean: int) -> Iterator[list[CleanImage]]:
    """Yield the images of each shard as soon as it is complete; of several with one name, the first."""
    seen, part = set[str](), list[CleanImage]()
    for image in images:
        if image.name in seen:
            continue
        seen.add(image.name)
        part.append(image)
        if is_last(image.sha256, len(part), mean):
            yield part
            part = []
    if part:
        yield part


def write_once(images: Sequence[CleanImage], folder: Path, records: Records) -> tuple[Shard, list[Place]]:
    """Write a shard unless an earlier run has recorded it; then delete its images."""
    key = hashlib.sha256(_settings().encode())
    for image in images:
        key.update(f"\n{image.name}\n{image.png.parent.name}/{image.png.name}".encode())
    record = records.folder / f"{key.hexdigest()[:DIGITS]}.json"
    if record.exists():
        known = read_json(record)
        return Shard(**known["shard"]), [Place(*place) for place in known["places"]]
    for image in images:
        # An earlier run may have divided the images otherwise, and deleted some.
        if not image.png.exists():
            records.restore(image.png.parent)
    shard, places = write_shard(images, folder)
    records.folder.mkdir(parents=True, exist_ok=True)
    unfinished = record.with_suffix(PARTIAL)
    unfinished.write_text(json.dumps({"shard": asdict(shard), "places": places}), encoding="utf-8")
    unfinished.replace(record)
    for image in images:
        image.png.unlink()
    return shard, places


def remove_image_shards(folder: Path) -> None:
    """Delete shards that an earlier run with `storage.layout: shards` has left."""
    remove_shards(folder, [SUFFIX])
    (folder / INDEX).unlink(missing_ok=True)


def write_shard(images: Sequence[CleanImage], folder: Path) -> tuple[Shard, list[Place]]:
    """Write one shard unless it exists, and find the places of its images."""
    file = folder / f"{content_key(images)}{SUFFIX}"
    # An existing one may be damaged.
    places = _locate(file, images) if file.exists() else None
    if places is None:
        partial = file.with_suffix(PARTIAL)
        _write_parquet(partial, images)
        partial.replace(file)
        places = _locate(file, images)
        assert places is not None
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Shard(file.name, len(images), file.stat().st_size, digest), places


def content_key(images: Sequence[CleanImage]) -> str:
    """Hash all that the bytes of a shard depend on."""
    key = hashlib.sha256(_settings().encode())
    for image in images:
        png = image.png.read_bytes()
        key.update(f"\n{image.name}\n{image.sha256}\n{len(png)}\n".encode())
        key.update(png)
    return key.hexdigest()[:DIGITS]


def _settings() -> str:
    import pyarrow

    return f"{pyarrow.__version__} {GROUP} {FORMAT}"


def _write_parquet(file: Path, images: Sequence[CleanImage]) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {"file": pyarrow.string(), "sha256": pyarrow.string(), "png": pyarrow.binary()}
    schema = pyarrow.schema(types)
    with parquet.ParquetWriter(file, schema, **FORMAT) as writer:
        for group in _groups(images):
            names, hashes, files = zip(*group, strict=True)
            columns = [names, hashes, [png.read_bytes() for png in files]]
            writer.write_table(pyarrow.table(columns, schema=schema))


def _groups(images: Sequence[CleanImage]) -> Iterator[Sequence[CleanImage]]:
    return (images[start : start + GROUP] for start in range(0, len(images), GROUP))


def _locate(file: Path, images: Sequence[CleanImage]) -> list[Place] | None:
    """Find the PNG bytes of each image; None if one is not in the file."""
    found: list[Place] = []
    end = 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        for image in images:
            png = image.png.read_bytes()
            # Uncompressed, the images follow each other with few bytes between.
            start = mapped.find(png, end)
            if start < 0:
                return None
            end = start + len(png)
            found.append(Place(file.name, start, len(png), zlib.crc32(png)))
    return found


def stored_images(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the SHA-256 of each download in a shard, and the cleaned image as PNG.

    Raises:
        UserError: the shard is damaged.
    """
    from pyarrow import parquet

    try:
        for batch in parquet.ParquetFile(file).iter_batches(GROUP, columns=["sha256", "png"]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
    except (OSError, ValueError) as error:
        raise UserError(f"The shard {file} is damaged: {error}.", restore(file)) from None
