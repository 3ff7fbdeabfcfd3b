"""Cache pooled backbone features per image and view."""

import hashlib
import logging
import sqlite3
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import openvino as ov
import PIL
from jaxtyping import Float32

from herodex.errors import UserError
from herodex.inference import features, views
from herodex.inference.views import View

log = logging.getLogger(__name__)

SCHEMA = """CREATE TABLE IF NOT EXISTS vectors
            (key TEXT, image TEXT, vector BLOB, checksum BLOB, PRIMARY KEY (key, image)) WITHOUT ROWID;
            DROP TABLE IF EXISTS pooled;"""
"""The vectors; `pooled` is the table of earlier releases, without checksums."""
BLOCK = 1024
"""Images whose vectors are in memory at a time."""
PATIENCE_S = 60
"""How long to wait for another process that writes to the cache."""


def view_key(backbone: str, precision: str, input_size: int, view: View) -> str:
    """Hash everything that an image's vector depends on, other than the image.

    Args:
        backbone: the sha256 of the network.
        precision: of inference.
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
def open_cache(path: Path, patience_s: float = PATIENCE_S) -> Generator[sqlite3.Connection]:
    """Open the cache; a damaged one is replaced by an empty one, because its contents can be recomputed.

    All pages of the file are checked, not only the first one.

    Raises:
        UserError: the cache cannot be opened, read or written, for example because another process locks it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(_connect(path, patience_s)) as cache:
            yield cache
    # A cache that is locked, or on a full disk, is not damaged: it stays.
    except sqlite3.OperationalError as error:
        raise UserError(
            f"The feature cache {path} cannot be used: {error}.",
            "Wait until no other run uses it, check the disk and the file's permissions, and run again.",
        ) from None
    except sqlite3.DatabaseError as error:
        raise UserError(
            f"The feature cache {path} is damaged: {error}.", "Delete the file and run again."
        ) from None


def _connect(path: Path, patience_s: float) -> sqlite3.Connection:
    try:
        return _create_table(path, patience_s)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        log.warning("%s is damaged; it is replaced by an empty cache", path)
        path.unlink()
        # It belongs to the damaged file, and would be rolled back into the new one.
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        return _create_table(path, patience_s)


def _create_table(path: Path, patience_s: float) -> sqlite3.Connection:
    cache = sqlite3.connect(path, timeout=patience_s)
    try:
        _check_pages(cache)
        cache.executescript(SCHEMA)
    except sqlite3.DatabaseError:
        cache.close()
        raise
    return cache


def _check_pages(cache: sqlite3.Connection) -> None:
    if (fault := cache.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise sqlite3.DatabaseError(fault)


def look_up(
    cache: sqlite3.Connection, key: str, images: Iterable[str]
) -> dict[str, Float32[np.ndarray, " values"]]:
    """Find the vectors of those images that have an intact one, by the sha256 of their pixels."""
    found: dict[str, np.ndarray] = {}
    damaged = 0
    for image in images:
        query = "SELECT vector, checksum FROM vectors WHERE key = ? AND image = ?"
        if row := cache.execute(query, (key, image)).fetchone():
            if row[1] == _checksum(key, image, row[0]):
                found[image] = np.frombuffer(row[0], "<f4")
            else:
                damaged += 1
    if damaged:
        log.warning("%d vectors in the feature cache are damaged; they are computed again", damaged)
    return found


def complete_images(cache: sqlite3.Connection, keys: Sequence[str], images: Sequence[str]) -> set[str]:
    """Find the images that have an intact vector for each key, a block at a time."""
    complete: set[str] = set()
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK]
        complete |= set(block).intersection(*(look_up(cache, key, block) for key in keys))
    return complete


def read_vectors(
    cache: sqlite3.Connection, keys: Sequence[str], images: Sequence[str]
) -> Float32[np.ndarray, "images views values"]:
    """Read the vectors of images, one for each of `keys`.

    Raises:
        UserError: the cache has lost some since they were computed.
    """
    found = [look_up(cache, key, images) for key in keys]
    if not all(image in known for known in found for image in images):
        raise UserError("The feature cache has lost vectors while it was read.", "Run again.")
    return np.stack([np.stack([known[image] for known in found]) for image in images])


def store(
    cache: sqlite3.Connection, keys: Sequence[str], vectors: Mapping[str, Float32[np.ndarray, "views values"]]
) -> None:
    """Store the vectors of images, a row for each of `keys`."""
    rows = [
        (key, image, vector.astype("<f4").tobytes())
        for image, by_view in vectors.items()
        for key, vector in zip(keys, by_view, strict=True)
    ]
    with cache:
        cache.executemany(
            "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", [(*row, _checksum(*row)) for row in rows]
        )


def _checksum(key: str, image: str, vector: object) -> bytes:
    """Hash a row; a damaged one may hold anything as its vector."""
    content = vector if isinstance(vector, bytes) else repr(vector).encode()
    return hashlib.blake2b(f"{key} {image} ".encode() + content, digest_size=16).digest()
