"""What the backbone has once said of an image is kept, so that only what is new is embedded."""

import hashlib
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import openvino as ov
import PIL

from herodex.inference import features, views
from herodex.inference.views import View

log = logging.getLogger(__name__)

TABLE = """CREATE TABLE IF NOT EXISTS pooled
           (key TEXT, image TEXT, vector BLOB, PRIMARY KEY (key, image)) WITHOUT ROWID"""


def view_key(backbone: str, precision: str, input_size: int, view: View) -> str:
    """Name everything that an image's vector depends on, other than the image.

    Args:
        backbone: the sha256 of the network.
        precision: in which it runs.
        input_size: pixels a side.
        view: of the image.
    """
    code = hashlib.sha256()
    for module in (features, views):
        code.update(Path(module.__file__ or "").read_bytes())
    mirrored = "mirrored" if view.mirrored else "plain"
    libraries = (ov.__version__, PIL.__version__)
    parts = (backbone, precision, str(input_size), view.name, mirrored, *libraries, code.hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def open_cache(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the cache; one that is spoilt is made anew, because nothing is in it that cannot be computed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        cache = _connect(path)
    except sqlite3.DatabaseError:
        log.warning("%s is spoilt; it is made anew", path)
        path.unlink()
        cache = _connect(path)
    with closing(cache):
        yield cache


def _connect(path: Path) -> sqlite3.Connection:
    cache = sqlite3.connect(path, timeout=60)
    try:
        cache.execute(TABLE)
    except sqlite3.DatabaseError:
        cache.close()
        raise
    return cache


def look_up(cache: sqlite3.Connection, key: str, images: Iterable[str]) -> dict[str, np.ndarray]:
    """Find the vectors, float32 [values], of those images that have one, by the sha256 of their pixels."""
    found = {}
    for image in images:
        query = "SELECT vector FROM pooled WHERE key = ? AND image = ?"
        if row := cache.execute(query, (key, image)).fetchone():
            found[image] = np.frombuffer(row[0], "<f4")
    return found


def store(cache: sqlite3.Connection, keys: Sequence[str], vectors: Mapping[str, np.ndarray]) -> None:
    """Keep the vectors of images, float32 [views, values] each, a row for each of `keys`."""
    rows = [
        (key, image, vector.astype("<f4").tobytes())
        for image, by_view in vectors.items()
        for key, vector in zip(keys, by_view, strict=True)
    ]
    with cache:
        cache.executemany("INSERT OR REPLACE INTO pooled VALUES (?, ?, ?)", rows)
