"""Finish a drawing: colour grading, light, blur and grain."""

import math
import random
from collections.abc import Callable
from functools import cache

from PIL import Image, ImageChops, ImageFilter, ImageOps

_WIDEST = 640
_LUMA = (0.299, 0.587, 0.114)


def finish(image: Image.Image, rng: random.Random) -> Image.Image:
    """Grade the colours of an RGB image, and randomly add side light, blur or grain."""
    image = rng.choice(_GRADES)(image, rng)
    if rng.random() < 0.25:
        image = _lit_from_one_side(image, rng)
    if rng.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.6) * max(image.size) / 400))
    if rng.random() < 0.3:
        image = _grained(image, rng)
    return image


def _as_it_is(image: Image.Image, rng: random.Random) -> Image.Image:
    return image


def _faded(image: Image.Image, rng: random.Random) -> Image.Image:
    return _saturated(image, rng.uniform(0.15, 0.6))


def _grey(image: Image.Image, rng: random.Random) -> Image.Image:
    return _saturated(image, 0)


def _sepia(image: Image.Image, rng: random.Random) -> Image.Image:
    return _tinted(_saturated(image, 0), (1.05, 0.9, 0.68))


def _night(image: Image.Image, rng: random.Random) -> Image.Image:
    dark = rng.uniform(0.45, 0.7)
    return _tinted(_saturated(image, 0.6), (dark * 0.75, dark * 0.85, dark * 1.25))


def _coloured_light(image: Image.Image, rng: random.Random) -> Image.Image:
    red, green, blue = (rng.uniform(0.55, 1.15) for _ in range(3))
    return _tinted(image, (red, green, blue))


def _shifted_hue(image: Image.Image, rng: random.Random) -> Image.Image:
    angle = rng.choice([-1, 1]) * rng.uniform(0.2, 0.9)
    cos, sin = math.cos(angle), math.sin(angle)
    third, root = (1 - cos) / 3, math.sqrt(1 / 3) * sin
    # The rotation by `angle` around the grey axis of the RGB cube.
    return image.convert(
        "RGB",
        (
            *(cos + third, third - root, third + root, 0),
            *(third + root, cos + third, third - root, 0),
            *(third - root, third + root, cos + third, 0),
        ),
    )


def _posterised(image: Image.Image, rng: random.Random) -> Image.Image:
    return ImageOps.posterize(image, rng.randint(2, 3))


def _contrasted(image: Image.Image, rng: random.Random) -> Image.Image:
    gain, lift = rng.uniform(0.6, 1.5), rng.uniform(-35, 35)
    curve = [max(0, min(255, round((level - 128) * gain + 128 + lift))) for level in range(256)]
    return image.point(curve * 3)


def _halftone(image: Image.Image, rng: random.Random) -> Image.Image:
    screen = _dot_screen(rng.choice([4, 5, 6])).crop((0, 0, *image.size))
    printed = ImageChops.add(image, Image.merge("RGB", [screen] * 3), 1, -128)
    ink = printed.point([0 if level < 96 else 255 if level > 176 else 170 for level in range(256)] * 3)
    return Image.blend(image, ink, rng.uniform(0.45, 0.8))


_GRADES: tuple[Callable[[Image.Image, random.Random], Image.Image], ...] = (
    *(_as_it_is,) * 8,
    *(_contrasted,) * 3,
    _faded,
    _grey,
    _sepia,
    _night,
    _coloured_light,
    _shifted_hue,
    _posterised,
    _halftone,
)


def _saturated(image: Image.Image, share: float) -> Image.Image:
    rows = [
        [(1 - share) * weight + (share if column == row else 0) for column, weight in enumerate(_LUMA)]
        for row in range(3)
    ]
    return image.convert("RGB", (*rows[0], 0, *rows[1], 0, *rows[2], 0))


def _tinted(image: Image.Image, gains: tuple[float, float, float]) -> Image.Image:
    red, green, blue = gains
    return image.convert("RGB", (red, 0, 0, 0, 0, green, 0, 0, 0, 0, blue, 0))


def _lit_from_one_side(image: Image.Image, rng: random.Random) -> Image.Image:
    ramp = Image.linear_gradient("L").transpose(
        rng.choice([Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270])
    )
    darkest = rng.randint(90, 160)
    ramp = ramp.point([darkest + (255 - darkest) * level // 255 for level in range(256)]).resize(image.size)
    return ImageChops.multiply(image, Image.merge("RGB", [ramp] * 3))


def _grained(image: Image.Image, rng: random.Random) -> Image.Image:
    strength = rng.randint(10, 45)
    noise = Image.frombytes("L", image.size, rng.randbytes(image.width * image.height))
    noise = noise.point([level * strength // 255 for level in range(256)])
    return ImageChops.add(image, Image.merge("RGB", [noise] * 3), 1, -strength // 2)


@cache
def _dot_screen(period: int) -> Image.Image:
    wave = [math.cos(2 * math.pi * place / period) for place in range(period)]
    repeats = _WIDEST // period + 1
    rows = [bytes(round(128 + 60 * x * y) for x in wave) * repeats for y in wave]
    return Image.frombytes("L", (period * repeats, period * repeats), b"".join(rows) * repeats)
