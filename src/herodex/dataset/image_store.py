"""Read cleaned images in any layout of `storage.layout` in params.yaml.

- `files`: each image is a PNG file.
- `shards`: Parquet files hold many images each. Their PNG bytes are not compressed again, and `index.csv`
  says where in its shard each image is, so reading one takes neither PyArrow nor the rest of the shard.
- `bucket`: such files in a bucket, see `herodex.dataset.bucket_cache`.
"""

import csv
import zlib
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from herodex import paths
from herodex.dataset.bucket import read_part
from herodex.dataset.bucket_cache import Remote, cached_with_next, remote_of
from herodex.dataset.shards import LIST, Shard, check_shards, read_list, restore
from herodex.errors import UserError

INDEX = "index.csv"
COLUMNS = ("file", "shard", "row", "offset", "bytes", "crc32")
_OPENING = Lock()


class Place(NamedTuple):
    """The place of an image's PNG bytes in a shard, in bytes, and their CRC-32."""

    shard: str
    offset: int
    size: int
    crc32: int


class Index(NamedTuple):
    """The places of all images by their names, and each shard with the following one by its name."""

    places: dict[str, Place]
    shards: dict[str, tuple[Shard, Shard | None]]


def png_name(file: str) -> str:
    """Return the name of a cleaned image by its `file` in the manifest."""
    return Path(file).with_suffix(".png").as_posix()


def in_shards(folder: Path = paths.CLEAN_IMAGES) -> bool:
    """Tell whether the images of a folder are in shards."""
    return (folder / LIST).exists()


def has_image(file: str, folder: Path = paths.CLEAN_IMAGES) -> bool:
    """Tell whether there is a cleaned image, by its `file` in the manifest."""
    index = _open_index(folder)
    return (folder / png_name(file)).is_file() if index is None else png_name(file) in index.places


def read_png(file: str, folder: Path = paths.CLEAN_IMAGES, in_order: bool = False) -> bytes:
    """Read a cleaned image as PNG, by its `file` in the manifest.

    Args:
        file: of the image.
        folder: of the images.
        in_order: whether the caller reads all images in the order of the manifest; shards in a bucket are
            then downloaded whole, and the following one ahead. Otherwise, only the image is.

    Raises:
        UserError: the image is missing, or its shard is missing or damaged.
    """
    name, index = png_name(file), _open_index(folder)
    try:
        return (folder / name).read_bytes() if index is None else _read_place(folder, name, index, in_order)
    except (FileNotFoundError, KeyError):
        raise UserError(f"The image {name} is missing in {folder}.", restore(folder)) from None


def _read_place(folder: Path, name: str, index: Index, in_order: bool) -> bytes:
    place = index.places[name]
    shard = folder / place.shard
    if not shard.exists() and (remote := remote_of(folder)):
        return _read_remote(remote, place, index, in_order)
    if not _is_right(data := _read_bytes(shard, place), place):
        raise UserError(f"The image {name} in the shard {shard} is damaged.", restore(shard))
    return data


def _read_bytes(shard: Path, place: Place) -> bytes:
    with shard.open("rb") as file:
        file.seek(place.offset)
        return file.read(place.size)


def _is_right(data: bytes, place: Place) -> bool:
    return zlib.crc32(data) == place.crc32


def _read_remote(remote: Remote, place: Place, index: Index, in_order: bool) -> bytes:
    """Read an image from the cache of a bucket, or else from the bucket itself."""
    if in_order:
        cached_with_next(remote, *index.shards[place.shard])
    file = remote.cache / place.shard
    with suppress(FileNotFoundError):
        if _is_right(data := _read_bytes(file, place), place):
            return data
        # The bucket has it whole.
        file.unlink(missing_ok=True)
    return read_part(remote.bucket, place.shard, place.offset, place.size, partial(_is_right, place=place))


def _open_index(folder: Path) -> Index | None:
    """Return the places of all images by their names; None if they are files."""
    try:
        version = (folder / LIST).stat()
    except FileNotFoundError:
        return None
    # Threads that start together would each read the index.
    with _OPENING:
        return _read_index(folder.absolute(), (version.st_mtime_ns, version.st_ino))


@lru_cache(maxsize=2)
def _read_index(folder: Path, _version: tuple[int, int]) -> Index:
    shards = read_list(folder)
    check_shards(folder, shards, remote_of(folder) is not None)
    names = {shard.name: shard.name for shard in shards}
    file = folder / INDEX
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            places = {
                row["file"]: Place(
                    names[row["shard"]], int(row["offset"]), int(row["bytes"]), int(row["crc32"])
                )
                for row in csv.DictReader(opened)
            }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is missing or damaged: {error}.", restore(folder)) from None
    following = [*shards[1:], None]
    return Index(places, {shard.name: (shard, after) for shard, after in zip(shards, following, strict=True)})
