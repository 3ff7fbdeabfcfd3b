"""Reads the table of features, which `embed_images` writes and the stages after it share."""

from pathlib import Path

import numpy as np


def read_features(path: Path, column: str = "features") -> dict[str, np.ndarray]:
    """Read a column of the table of features: sha256 of a picture's bytes → float32 [values]."""
    table = np.load(path)
    return dict(zip(table["sha256"].tolist(), table[column], strict=True))
