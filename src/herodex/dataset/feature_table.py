"""The feature table, written by `embed_images` and read by later stages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32


def read_features(path: Path, column: str = "features") -> dict[str, Float32[np.ndarray, "..."]]:
    """Read one column as a mapping from an image's sha256 to its features."""
    table = np.load(path)
    return dict(zip(table["sha256"].tolist(), table[column], strict=True))


def read_columns(
    path: Path, columns: Sequence[str], hashes: Sequence[str]
) -> Float32[np.ndarray, "images features"]:
    """Read columns side by side, for images given by their sha256."""
    table = np.load(path)
    place = {sha256: row for row, sha256 in enumerate(table["sha256"].tolist())}
    rows = [place[sha256] for sha256 in hashes]
    return np.concatenate([table[column][rows] for column in columns], axis=1)


def write_features(
    path: Path, hashes: Sequence[str], columns: Mapping[str, Float32[np.ndarray, "images ..."]]
) -> None:
    """Write a table with `sha256` and the given columns, one row per image.

    The format is `.npy`: the zip headers of `.npz` differ between releases of Python.
    """
    layout = [(name, "f4", values.shape[1:]) for name, values in columns.items()]
    table = np.zeros(len(hashes), [("sha256", "U64"), *layout])
    table["sha256"] = hashes
    for name, values in columns.items():
        table[name] = values
    np.save(path, table)
