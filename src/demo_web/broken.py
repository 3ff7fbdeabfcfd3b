"""Complete image files without usable content: too dark or light, blurred, a strip, or blank."""

import random

from PIL import Image, ImageDraw, ImageFilter

from demo_web.drawing.pen import font_of_size
from demo_web.faults import Kind

_NARROWEST = 36
"""Pixels; above `min_side`, so that a strip is not too small as well."""
_NOTICE = "No preview available"


def spoil(image: Image.Image, kind: Kind, rng: random.Random) -> Image.Image:
    """Apply the fault of the given kind to an RGB image; other kinds leave it unchanged."""
    match kind:
        case Kind.DARK:
            left = rng.uniform(0.05, 0.1)
            return image.point([round(level * left) for level in range(256)] * 3)
        case Kind.LIGHT:
            left = rng.uniform(0.05, 0.1)
            return image.point([round(255 - (255 - level) * left) for level in range(256)] * 3)
        case Kind.BLURRY:
            return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.03, 0.05) * min(image.size)))
        case Kind.STRIP:
            return _strip(image, rng)
        case Kind.BLANK:
            return _blank(image.size, rng)
        case _:
            return image


def _strip(image: Image.Image, rng: random.Random) -> Image.Image:
    width, height = image.size
    across = max(_NARROWEST, min(width, height) // rng.randint(7, 9))
    if rng.random() < 0.5:
        left = rng.randint(0, width - across)
        return image.crop((left, 0, left + across, height))
    top = rng.randint(0, height - across)
    return image.crop((0, top, width, top + across))


def _blank(size: tuple[int, int], rng: random.Random) -> Image.Image:
    grey = rng.randint(100, 235)
    blank = Image.new("RGB", size, (grey, grey, grey))
    font = font_of_size(max(10, min(size) // 16))
    centre = (size[0] / 2, size[1] / 2)
    ImageDraw.Draw(blank).text(centre, _NOTICE, (grey - 60,) * 3, font, anchor="mm")
    return blank
