"""Read cleaned images in either layout of `storage.layout` in params.yaml.

- `files`: each image is a PNG file.
- `shards`: Parquet files hold many images each. Their PNG bytes are not compressed again, and `index.csv`
  says where in its shard each image is, so reading one takes neither PyArrow nor the rest of the shard.
"""

import csv
import zlib
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from herodex import paths
from herodex.dataset.shards import LIST, read_list, restore
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


def png_name(file: str) -> str:
    """Return the name of a cleaned image by its `file` in the manifest."""
    return Path(file).with_suffix(".png").as_posix()


def in_shards(folder: Path = paths.CLEAN_IMAGES) -> bool:
    """Tell whether the images of a folder are in shards."""
    return (folder / LIST).exists()


def has_image(file: str, folder: Path = paths.CLEAN_IMAGES) -> bool:
    """Tell whether there is a cleaned image, by its `file` in the manifest."""
    places = _open_index(folder)
    return (folder / png_name(file)).is_file() if places is None else png_name(file) in places


def read_png(file: str, folder: Path = paths.CLEAN_IMAGES) -> bytes:
    """Read a cleaned image as PNG, by its `file` in the manifest.

    Raises:
        UserError: the image is missing, or its shard is missing or damaged.
    """
    name, places = png_name(file), _open_index(folder)
    try:
        return (folder / name).read_bytes() if places is None else _read_place(folder, name, places[name])
    except (FileNotFoundError, KeyError):
        raise UserError(f"The image {name} is missing in {folder}.", restore(folder)) from None


def _read_place(folder: Path, name: str, place: Place) -> bytes:
    with (folder / place.shard).open("rb") as file:
        file.seek(place.offset)
        data = file.read(place.size)
    if zlib.crc32(data) != place.crc32:
        shard = folder / place.shard
        raise UserError(f"The image {name} in the shard {shard} is damaged.", restore(shard))
    return data


def _open_index(folder: Path) -> dict[str, Place] | None:
    """Return the places of all images by their names; None if they are files."""
    try:
        version = (folder / LIST).stat()
    except FileNotFoundError:
        return None
    # Threads that start together would each read the index.
    with _OPENING:
        return _read_index(folder.absolute(), (version.st_mtime_ns, version.st_ino))


@lru_cache(maxsize=2)
def _read_index(folder: Path, _version: tuple[int, int]) -> dict[str, Place]:
    shards = {shard.name: shard.name for shard in read_list(folder)}
    file = folder / INDEX
    try:
        with file.open(encoding="utf-8", newline="") as opened:
            return {
                row["file"]: Place(
                    shards[row["shard"]], int(row["offset"]), int(row["bytes"]), int(row["crc32"])
                )
                for row in csv.DictReader(opened)
            }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is missing or damaged: {error}.", restore(folder)) from None
