"""Drawings for tests of near duplicates."""

import numpy as np
from PIL import Image, ImageDraw


def scene(seed: int) -> Image.Image:
    """Draw soft blobs of colour with a few shapes on them."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize((200, 160))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, r = rng.integers([0, 0, 10], [160, 120, 40]).tolist()
        draw.ellipse((x, y, x + r, y + r), fill=tuple(rng.integers(0, 256, 3).tolist()))
    return image
