"""Draw the background of an image."""

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

from demo_web.drawing.colours import Rgb, hue_shifted, mix
from demo_web.drawing.pen import font_of_size

_CAPTIONS = ("MEANWHILE…", "LATER…", "AT LAST!", "LOOK!", "NOT SO FAST!", "TO BE CONTINUED", "SUDDENLY…")
_NOISES = ("POW!", "ZAP!", "WHAM!", "CRASH!", "BOOM!", "SWOOSH!")


def draw_background(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Draw a background of `size` pixels, independent of the subject."""
    return rng.choice(_BACKGROUNDS)(size, rng)


def add_caption(image: Image.Image, rng: random.Random) -> None:
    """Write a comic's caption or sound word into a corner of an image."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    font = font_of_size(max(10, min(width, height) // rng.randint(9, 14)))
    text = rng.choice(_CAPTIONS + _NOISES)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    room_x, room_y = max(1, int(width - right - 12)), max(1, int(height - bottom - 12))
    x, y = rng.choice([6, room_x]), rng.choice([6, room_y])
    if text in _NOISES:
        draw.text((x, y), text, font=font, fill=_bright(rng), stroke_width=2, stroke_fill=(15, 15, 20))
        return
    box = (x + left - 4, y + top - 4, x + right + 4, y + bottom + 4)
    draw.rectangle(box, fill=rng.choice([(250, 240, 170), (245, 245, 240)]), outline=(20, 20, 20), width=2)
    draw.text((x, y), text, font=font, fill=(20, 20, 24))


def _any(rng: random.Random) -> Rgb:
    return mix((rng.randrange(256), rng.randrange(256), rng.randrange(256)), (150, 150, 150), 0.35)


def _bright(rng: random.Random) -> Rgb:
    return hue_shifted(rng.choice([(235, 90, 60), (190, 120, 105), (225, 170, 150)]), rng.random())


def _gradient(size: tuple[int, int], rng: random.Random, top: Rgb, bottom: Rgb) -> Image.Image:
    ramp = Image.linear_gradient("L")
    if rng.random() < 0.3:
        ramp = ramp.transpose(Image.Transpose.ROTATE_90)
    ramp = ramp.resize(size)
    bands = [
        ramp.point([round(start + (end - start) * level / 255) for level in range(256)])
        for start, end in zip(top, bottom, strict=True)
    ]
    return Image.merge("RGB", bands)


def _plain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    colour = rng.choice([(250, 250, 250), (20, 20, 24), _any(rng), mix(_any(rng), (235, 235, 235), 0.6)])
    return Image.new("RGB", size, colour)


def _studio(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _gradient(size, rng, _any(rng), _any(rng))


def _sky(size: tuple[int, int], rng: random.Random) -> Image.Image:
    top, bottom = rng.choice(
        [
            ((60, 120, 210), (200, 225, 245)),
            ((30, 40, 90), (240, 140, 90)),
            ((120, 130, 140), (200, 205, 210)),
        ]
    )
    image = _gradient(size, rng, top, bottom)
    draw = ImageDraw.Draw(image)
    cloud = mix(bottom, (255, 255, 255), 0.6)
    for _ in range(rng.randint(2, 5)):
        x, y, puff = rng.random() * size[0], rng.random() * size[1], min(size) * rng.uniform(0.05, 0.13)
        for step in range(4):
            left, top_ = x + step * puff * 0.9, y - (step % 2) * puff * 0.6
            draw.ellipse((left, top_, left + 1.8 * puff, top_ + puff * 1.3), fill=cloud)
    return image


def _city(size: tuple[int, int], rng: random.Random) -> Image.Image:
    night = rng.random() < 0.6
    top, bottom = ((14, 18, 44), (70, 60, 110)) if night else ((120, 170, 220), (230, 220, 200))
    image = _gradient(size, rng, top, bottom)
    draw = ImageDraw.Draw(image)
    width, height = size
    if night and rng.random() < 0.6:
        x, y, moon = rng.random() * width, rng.random() * height * 0.4, min(size) * rng.uniform(0.06, 0.16)
        draw.ellipse((x - moon, y - moon, x + moon, y + moon), fill=(238, 232, 200))
    for depth in (0.25, 0.6):
        wall = mix(bottom, (16, 16, 28) if night else (90, 90, 100), depth + 0.3)
        x = -rng.random() * width * 0.1
        while x < width:
            across, roof = (
                width * rng.uniform(0.08, 0.2),
                height * rng.uniform(0.2, 0.65) + depth * height * 0.25,
            )
            draw.rectangle((x, roof, x + across, height), fill=wall)
            if depth > 0.5:
                _light_windows(draw, (x, roof, x + across, height), night, rng)
            x += across * rng.uniform(1, 1.25)
    return image


def _light_windows(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], night: bool, rng: random.Random
) -> None:
    lit = (245, 215, 120) if night else (190, 215, 230)
    left, top, right, bottom = box
    step = max(7, (right - left) / 4)
    for row in range(int((bottom - top) / (step * 1.4))):
        for column in range(int((right - left) / step)):
            if rng.random() < 0.45:
                x, y = left + (column + 0.3) * step, top + (row + 0.4) * step * 1.4
                draw.rectangle((x, y, x + step * 0.4, y + step * 0.6), fill=lit)


def _rays(size: tuple[int, int], rng: random.Random) -> Image.Image:
    one, other = _bright(rng), mix(_bright(rng), (255, 255, 255), 0.5)
    image = Image.new("RGB", size, one)
    draw = ImageDraw.Draw(image)
    x, y, reach = size[0] * rng.uniform(0.3, 0.7), size[1] * rng.uniform(0.3, 0.7), sum(size)
    count = rng.randint(8, 18)
    for number in range(count):
        start, end = (2 * math.pi * (number + share) / count for share in (0.0, 0.5))
        corners = [(x + reach * math.cos(angle), y + reach * math.sin(angle)) for angle in (start, end)]
        draw.polygon([(x, y), *corners], fill=other)
    return image


def _stripes(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = Image.new("RGB", size, _any(rng))
    draw, colour = ImageDraw.Draw(image), _any(rng)
    step, slant = max(8, min(size) // rng.randint(5, 16)), rng.randint(-200, 200)
    for x in range(-abs(slant), size[0] + abs(slant), 2 * step):
        draw.polygon([(x, 0), (x + step, 0), (x + step + slant, size[1]), (x + slant, size[1])], fill=colour)
    return image


def _dots(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _gradient(size, rng, _bright(rng), (245, 240, 225))
    draw, colour = ImageDraw.Draw(image), mix(_bright(rng), (255, 255, 255), 0.3)
    step = max(10, min(size) // rng.randint(10, 22))
    for row, y in enumerate(range(0, size[1] + step, step)):
        radius = step * 0.42 * (0.3 + 0.7 * y / size[1])
        for x in range((row % 2) * step // 2, size[0] + step, step):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return image


def _panels(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = Image.new("RGB", size, (246, 244, 236))
    width, height = size
    split = round(width * rng.uniform(0.35, 0.65)), round(height * rng.uniform(0.3, 0.7))
    gap = max(3, min(size) // 60)
    boxes = [
        (gap, gap, split[0], split[1]),
        (split[0] + gap, gap, width - gap, split[1]),
        (gap, split[1] + gap, width - gap, height - gap),
    ]
    scenes = [_studio, _rays, _stripes, _plain, _dots]
    for left, top, right, bottom in boxes:
        image.paste(rng.choice(scenes)((right - left, bottom - top), rng), (left, top))
        ImageDraw.Draw(image).rectangle(
            (left, top, right, bottom), outline=(15, 15, 18), width=max(2, gap // 2)
        )
    return image


def _room(size: tuple[int, int], rng: random.Random) -> Image.Image:
    wall, floor = mix(_any(rng), (200, 195, 185), 0.5), mix(_any(rng), (90, 70, 55), 0.6)
    image = Image.new("RGB", size, wall)
    draw, (width, height) = ImageDraw.Draw(image), size
    edge = height * rng.uniform(0.6, 0.85)
    draw.rectangle((0, edge, width, height), fill=floor)
    for _ in range(rng.randint(2, 5)):
        x, y = rng.random() * width, rng.random() * edge * 0.7
        across, down = width * rng.uniform(0.08, 0.25), height * rng.uniform(0.08, 0.25)
        draw.rectangle(
            (x, y, x + across, y + down), fill=_any(rng), outline=mix(wall, (20, 20, 20), 0.6), width=2
        )
    return image


def _hills(size: tuple[int, int], rng: random.Random) -> Image.Image:
    image = _sky(size, rng)
    draw, (width, height) = ImageDraw.Draw(image), size
    near = rng.choice([(60, 95, 50), (120, 95, 60), (80, 70, 90), (190, 170, 120)])
    for depth in (0.5, 0.0):
        base, phase = height * (0.55 + 0.3 * (1 - depth)) * rng.uniform(0.85, 1.05), rng.random() * 6
        steps = [step / 12 for step in range(13)]
        ridge = [(width * t, base + height * 0.07 * math.sin(phase + 5 * t)) for t in steps]
        draw.polygon([*ridge, (width, height), (0, height)], fill=mix(near, (190, 205, 220), depth))
    return image


_BACKGROUNDS: tuple[Callable[[tuple[int, int], random.Random], Image.Image], ...] = (
    _plain,
    _studio,
    _sky,
    _city,
    _city,
    _rays,
    _stripes,
    _dots,
    _panels,
    _room,
    _room,
    _sky,
    _hills,
    _hills,
)
