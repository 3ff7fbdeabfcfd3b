"""The table of features, which `embed_images` writes and the stages after it share."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def read_features(path: Path, column: str = "features") -> dict[str, np.ndarray]:
    """Read a column of the table of features: sha256 of an image's bytes → float32 [values]."""
    table = np.load(path)
    return dict(zip(table["sha256"].tolist(), table[column], strict=True))


def write_features(path: Path, hashes: Sequence[str], columns: Mapping[str, np.ndarray]) -> None:
    """Write a table with `sha256` and float32 columns [images, values].

    As `.npy`, not as `.npz`, whose zip headers differ between releases of Python.
    """
    layout = [(name, "f4", values.shape[1:]) for name, values in columns.items()]
    table = np.zeros(len(hashes), [("sha256", "U64"), *layout])
    table["sha256"] = hashes
    for name, values in columns.items():
        table[name] = values
    np.save(path, table)
