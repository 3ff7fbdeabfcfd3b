"""Thumbnails of images, rendered on request and cached in memory."""

from functools import lru_cache
from pathlib import Path

from herodex.dataset.image_store import read_png
from herodex.thumbnails import encode_thumbnail

SIDES = (192, 480)
"""Longest sides in pixels: of a card, and of the image under review."""
MOST_CACHED = 2048
"""Thumbnails in memory: about 30 MB."""
QUALITY = 80


@lru_cache(maxsize=MOST_CACHED)
def render_thumbnail(file: str, folder: Path, side: int) -> bytes:
    """Render a cleaned image as WebP with a given longest side; smaller images keep their size.

    Raises:
        OSError: the image is damaged.
        UserError: the image is missing, or its shard is missing or damaged.
    """
    return encode_thumbnail(read_png(file, folder), side, QUALITY)
