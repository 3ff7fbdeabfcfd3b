"""Alterations that turn an original into a near duplicate."""

import random

from PIL import Image, ImageDraw, ImageOps

from demo_web.drawing.pen import font_of_size
from demo_web.faults import Kind

_MOST_CROPPED = 0.1
"""The largest share of width, and of height, that a crop removes: together less than a fifth of the area."""


def alter(image: Image.Image, kind: Kind, rng: random.Random) -> Image.Image:
    """Alter an original RGB image to a near duplicate of the given kind."""
    match kind:
        case Kind.RESIZED:
            scale = rng.choice([rng.uniform(0.5, 0.8), rng.uniform(1.25, 1.6)])
            size = (round(image.width * scale), round(image.height * scale))
            return image.resize(size, Image.Resampling.BICUBIC)
        case Kind.CROPPED:
            return _crop(image, rng)
        case Kind.MIRRORED:
            return ImageOps.mirror(image)
        case Kind.LETTERBOXED:
            side = max(image.width, image.height)
            bars = round(side * rng.uniform(0, 0.1)) * 2
            wide = image.width >= image.height
            size = (side, side + bars) if wide else (side + bars, side)
            return ImageOps.pad(image, size, color="black")
        case Kind.WATERMARKED:
            return _watermark(image, rng)
        case _:
            return image


def _crop(image: Image.Image, rng: random.Random) -> Image.Image:
    cut_x, cut_y = (rng.uniform(0.03, _MOST_CROPPED) for _ in range(2))
    left, top = cut_x * rng.random() * image.width, cut_y * rng.random() * image.height
    right, bottom = left + (1 - cut_x) * image.width, top + (1 - cut_y) * image.height
    return image.crop((round(left), round(top), round(right), round(bottom)))


def _watermark(image: Image.Image, rng: random.Random) -> Image.Image:
    mark = Image.new("RGBA", image.size, (0, 0, 0, 0))
    font = font_of_size(max(10, round(image.width / 9)))
    place = (image.width / 2, image.height * rng.choice([0.5, 0.85]))
    text = f"© gallery {rng.randint(1, 9)}"
    ImageDraw.Draw(mark).text(place, text, (255, 255, 255, rng.randint(90, 150)), font, anchor="mm")
    return Image.alpha_composite(image.convert("RGBA"), mark).convert("RGB")
