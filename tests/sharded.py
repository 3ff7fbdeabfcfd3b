"""Move cleaned images of tests from files into shards."""

import hashlib
from pathlib import Path

from herodex.dataset.image_shards import CleanImage, write_shards


def move_into_shards(folder: Path, mean: int = 16) -> None:
    """Replace the PNG files of a folder by shards; a file named by a SHA-256 keeps it as the download's."""
    files = sorted(folder.rglob("*.png"))
    stems = [file.stem for file in files]
    hashes = [stem if len(stem) == 64 else hashlib.sha256(stem.encode()).hexdigest() for stem in stems]
    names = [file.relative_to(folder).as_posix() for file in files]
    write_shards(map(CleanImage, names, hashes, files), folder, mean)
    for file in files:
        file.unlink()
