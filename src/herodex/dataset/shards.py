"""Shards: files that hold some rows of a table each, with a list of them in `shards.json`.

Where a shard ends depends on the rows near its end, not on their number. So added or removed rows change the
shards that they are in, and all others keep their bytes and names.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from herodex.errors import UserError
from herodex.json_record import read_json

LIST = "shards.json"
DIGITS = 32
"""Hexadecimal digits of a content hash in a shard's name."""
PARTIAL = ".part"
"""Suffix of a shard that is being written."""


@dataclass(frozen=True)
class Shard:
    """A file with some rows of a table.

    Attributes:
        name: of the file; it contains a hash of the rows, so that a name never means other bytes.
        rows: their number.
        bytes: of the file.
        sha256: of the file.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


def divide(hashes: Sequence[str], mean: int) -> list[slice]:
    """Divide rows into shards of `mean` rows on average, at rows that their hashes select.

    A shard has at least a quarter of `mean` rows, and at most four times as many.

    Args:
        hashes: of the rows, hexadecimal.
        mean: rows of a shard.
    """
    found: list[slice] = []
    start = 0
    for end, digits in enumerate(hashes, start=1):
        if is_last(digits, end - start, mean):
            found.append(slice(start, end))
            start = end
    return [*found, slice(start, len(hashes))] if start < len(hashes) else found


def is_last(digits: str, rows: int, mean: int) -> bool:
    """Tell whether a row is the last one of its shard.

    Args:
        digits: the hash of the row, hexadecimal.
        rows: of the shard up to this one.
        mean: rows of a shard, on average.
    """
    least, most = mean // 4, 4 * mean
    return rows >= most or (rows > least and int(digits[:16], 16) % (mean - least) == 0)


def write_list(folder: Path, shards: Sequence[Shard], elsewhere: bool = False) -> None:
    """Write the list of shards, and delete other shards in the folder.

    The list is written last, because its presence tells readers that the folder is complete.

    Args:
        folder: for the list.
        shards: all of them, in order.
        elsewhere: whether a bucket holds the shards, and the folder none of them.
    """
    kept = () if elsewhere else (shard.name for shard in shards)
    remove_shards(folder, {Path(shard.name).suffix for shard in shards}, kept)
    text = json.dumps({"shards": [asdict(shard) for shard in shards]}, indent=2) + "\n"
    (folder / LIST).write_text(text, encoding="utf-8")


def remove_shards(folder: Path, suffixes: Iterable[str], keep: Iterable[str] = ()) -> None:
    """Delete what an earlier run has left: the list, and all shards but those to keep."""
    (folder / LIST).unlink(missing_ok=True)
    kept = set(keep)
    for suffix in (*suffixes, PARTIAL):
        for file in folder.glob(f"*{suffix}"):
            if file.name not in kept:
                file.unlink()


def read_list(folder: Path) -> list[Shard]:
    """Read the list of shards.

    Raises:
        UserError: the list is damaged.
    """
    return [Shard(**fields) for fields in read_json(folder / LIST, restore(folder))["shards"]]


def check_shards(folder: Path, shards: Sequence[Shard], elsewhere: bool) -> None:
    """Check that each shard in the folder is whole.

    Args:
        folder: of the shards.
        shards: the list.
        elsewhere: whether a bucket holds those that are not here.

    Raises:
        UserError: a shard is missing or has another size.
    """
    for shard in shards:
        file = folder / shard.name
        if file.exists():
            if (size := file.stat().st_size) != shard.bytes:
                raise UserError(
                    f"The shard {file} is damaged: it has {size} bytes instead of {shard.bytes}.",
                    restore(file),
                )
        elif not elsewhere:
            raise missing(file)


def missing(file: Path) -> UserError:
    """Return the error of a shard that is not there."""
    return UserError(f"The shard {file} is missing.", restore(file.parent))


def restore(path: Path) -> str:
    """Say how to restore a damaged or incomplete output."""
    return f"Delete {path}, then run `dvc checkout`, or `make run` to make it again."
