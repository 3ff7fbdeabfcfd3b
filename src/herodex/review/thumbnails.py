"""Thumbnails of images, rendered on request and cached in memory."""

import io
from functools import lru_cache
from pathlib import Path

from PIL import Image

from herodex.dataset.image_store import read_png

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
    with Image.open(io.BytesIO(read_png(file, folder))) as image:
        small = image.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=QUALITY, method=4)
    return encoded.getvalue()
