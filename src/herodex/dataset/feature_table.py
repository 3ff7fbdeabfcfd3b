"""The feature table, written by `embed_images` and read by later stages.

It is a `.npy` file, or with `storage.layout: shards` a folder of such files, or of their list if a bucket
holds them. They are mapped into memory one
block of rows at a time, so a reader holds only the rows and columns that it asks for, however many images
there are.
"""

import hashlib
import io
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from herodex.dataset.bucket_cache import Remote, cache_all, keep_features, remote_of, shard_file, uploading
from herodex.dataset.shards import DIGITS, PARTIAL, Shard, check_shards, divide, read_list, write_list

BLOCK = 1024
"""Rows read or written at a time."""


@dataclass(frozen=True)
class Part:
    """A `.npy` file with some rows of a table.

    Attributes:
        path: of the file, absolute.
        offset: of its first row in the file, in bytes.
        start: number of its first row in the table.
        shard: the folder of the table and the shard, if it is one.
    """

    path: Path
    offset: int
    start: int
    shard: tuple[Path, Shard] | None = None

    def open(self, dtype: np.dtype[np.void]) -> np.memmap[Any, np.dtype[np.void]]:
        """Map the rows into memory; a shard of a bucket is downloaded again if the cache has lost it."""
        try:
            return np.memmap(self.path, dtype, "r", self.offset)
        except FileNotFoundError:
            if self.shard is None:
                raise
            return np.memmap(shard_file(*self.shard), dtype, "r", self.offset)


@dataclass(frozen=True)
class FeatureTable:
    """A feature table on disk.

    Attributes:
        parts: the files, in the order of the rows.
        dtype: of a row.
        row_of: the row of an image, by sha256.
    """

    parts: Sequence[Part]
    dtype: np.dtype[np.void]
    row_of: dict[str, int]

    def read(self, column: str, rows: Int[np.ndarray, " n"]) -> Float32[np.ndarray, "n ..."]:
        """Copy rows of one column into memory."""
        found = np.empty((len(rows), *self.dtype[column].shape), np.float32)
        starts = np.array([part.start for part in self.parts])
        for start in range(0, len(rows), BLOCK):
            block, target = rows[start : start + BLOCK], found[start : start + BLOCK]
            of_part = np.searchsorted(starts, block, "right") - 1
            numbers: list[int] = np.unique(of_part).tolist()
            for number in numbers:
                part, there = self.parts[number], of_part == number
                # A mapping of its own for each block: pages of a mapping stay in memory until it is closed.
                table = part.open(self.dtype)
                target[there] = table[column][block[there] - part.start]
        return found


@dataclass(frozen=True)
class StoredVectors:
    """Rows of a column, read from disk when they are indexed by an array of positions."""

    table: FeatureTable
    column: str
    rows: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, places: Int[np.ndarray, " m"]) -> Float32[np.ndarray, "m d"]:
        return self.table.read(self.column, self.rows[places])


@dataclass(frozen=True)
class StoredFeatures(Mapping[str, Float32[np.ndarray, "..."]]):
    """One column as a mapping from an image's sha256 to its features, read from disk on access."""

    table: FeatureTable
    column: str

    def __getitem__(self, sha256: str) -> Float32[np.ndarray, "..."]:
        return self.table.read(self.column, np.array([self.table.row_of[sha256]]))[0]

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self.table.row_of

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.row_of)

    def __len__(self) -> int:
        return len(self.table.row_of)

    def vectors(self, hashes: Sequence[str]) -> StoredVectors:
        """Return the rows of images, given by their sha256, without reading them."""
        rows = np.array([self.table.row_of[sha256] for sha256 in hashes], int)
        # Vectors are sent to other processes, which need no names of images.
        return StoredVectors(replace(self.table, row_of={}), self.column, rows)


Features = Mapping[str, Float32[np.ndarray, " d"]]
"""Features by the sha256 of the image's file: a `StoredFeatures`, or a dictionary in memory."""
Vectors = Float32[np.ndarray, "_n _d"] | StoredVectors
"""Vectors that are indexed by an array of positions, in memory or on disk."""


def vectors_of(features: Features, hashes: Sequence[str]) -> Vectors:
    """Return the features of images, given by their sha256; stored ones stay on disk."""
    if isinstance(features, StoredFeatures):
        return features.vectors(hashes)
    return np.stack([features[sha256] for sha256 in hashes])


def open_table(path: Path) -> FeatureTable:
    """Read the format and the sha256 column of a feature table.

    Raises:
        UserError: a shard is missing or damaged.
    """
    dtype, parts, row_of = np.dtype([]), list[Part](), dict[str, int]()
    for file, shard in _files_of(path):
        table = np.load(file, mmap_mode="r")
        dtype = table.dtype
        parts.append(Part(file.absolute(), table.offset, len(row_of), shard))
        for start in range(0, len(table), BLOCK):
            hashes = table["sha256"][start : start + BLOCK].tolist()
            row_of.update(zip(hashes, range(len(row_of), len(row_of) + len(hashes)), strict=True))
    return FeatureTable(parts, dtype, row_of)


def _files_of(path: Path) -> list[tuple[Path, tuple[Path, Shard] | None]]:
    """Return the files of a table, each with its folder and shard if it is one."""
    if not path.is_dir():
        return [(path, None)]
    shards = read_list(path)
    check_shards(path, shards, remote_of(path) is not None)
    return [(file, (path, shard)) for file, shard in zip(cache_all(path, shards), shards, strict=True)]


def read_features(path: Path, column: str = "features") -> StoredFeatures:
    """Open one column as a mapping from an image's sha256 to its features."""
    return StoredFeatures(open_table(path), column)


def read_columns(
    path: Path, columns: Sequence[str], hashes: Sequence[str]
) -> Float32[np.ndarray, "images features"]:
    """Read columns side by side, for images given by their sha256."""
    table = open_table(path)
    rows = np.array([table.row_of[sha256] for sha256 in hashes], int)
    widths = [table.dtype[column].shape[0] for column in columns]
    found = np.empty((len(rows), sum(widths)), np.float32)
    for column, end, width in zip(columns, np.cumsum(widths).tolist(), widths, strict=True):
        found[:, end - width : end] = table.read(column, rows)
    return found


Rows = Callable[[slice], Mapping[str, Float32[np.ndarray, "rows ..."]]]
"""Returns the columns of some rows."""


def write_features(
    path: Path,
    hashes: Sequence[str],
    columns: Mapping[str, Float32[np.ndarray, "images ..."]] | Rows,
    shard_rows: int | None = None,
    remote: Remote | None = None,
) -> None:
    """Write a table with `sha256` and the given columns, one row per image.

    Args:
        path: of the table.
        hashes: of the images' files.
        columns: by name, or a function that returns some rows of them; it is called for blocks, in order.
        shard_rows: rows of a shard, on average, if the table is a folder of shards; None for one file.
        remote: the bucket for the shards in place of the folder, which then has their list alone.

    Raises:
        UserError: the bucket cannot be used.
    """
    rows = columns if callable(columns) else partial(_rows_of, columns)
    # An earlier run may have left the other layout.
    if shard_rows is None:
        if path.is_dir():
            shutil.rmtree(path)
        with path.open("wb") as file:
            file.writelines(_encode(hashes, rows, slice(0, len(hashes))))
        return
    if path.is_file():
        path.unlink()
    path.mkdir(exist_ok=True)
    shards: list[Shard] = []
    with uploading(remote) as upload:
        for part in divide(hashes, shard_rows):
            shards.append(_write_shard(remote.cache if remote else path, hashes, rows, part))
            upload(shards[-1])
    write_list(path, shards, elsewhere=remote is not None)
    if remote:
        keep_features(remote, shards)


def _rows_of(columns: Mapping[str, np.ndarray], part: slice) -> dict[str, np.ndarray]:
    return {name: values[part] for name, values in columns.items()}


def _write_shard(folder: Path, hashes: Sequence[str], rows: Rows, part: slice) -> Shard:
    """Write rows as a file that is named by its content, unless it exists."""
    unfinished = folder / f"rows{PARTIAL}"
    digest, size = hashlib.sha256(), 0
    with unfinished.open("wb") as opened:
        for data in _encode(hashes, rows, part):
            digest.update(data)
            size += opened.write(data)
    file = folder / f"{digest.hexdigest()[:DIGITS]}.npy"
    if file.exists() and file.stat().st_size == size:
        unfinished.unlink()
    else:
        unfinished.replace(file)
    return Shard(file.name, part.stop - part.start, size, digest.hexdigest())


def _encode(hashes: Sequence[str], rows: Rows, part: slice) -> Iterator[bytes]:
    """Yield rows in the format `.npy`: the zip headers of `.npz` differ between releases of Python."""
    dtype = np.dtype([])
    for start in range(part.start, max(part.stop, part.start + 1), BLOCK):
        block = slice(start, min(start + BLOCK, part.stop))
        columns = rows(block)
        if start == part.start:
            layout = [(name, "f4", values.shape[1:]) for name, values in columns.items()]
            dtype = np.dtype([("sha256", "U64"), *layout])
            yield _header(dtype, part.stop - part.start)
        table = np.zeros(block.stop - start, dtype)
        table["sha256"] = hashes[block]
        for name, values in columns.items():
            table[name] = values
        yield table.tobytes()


def _header(dtype: np.dtype[np.void], count: int) -> bytes:
    header = np.lib.format.header_data_from_array_1_0(np.empty(0, dtype)) | {"shape": (count,)}
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, header)
    return head.getvalue()
