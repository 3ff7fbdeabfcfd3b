"""Place a figure in the frame: scale, roll and crop."""

import math
import random
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw

from demo_web.drawing.colours import BLACK
from demo_web.drawing.figure import Figure
from demo_web.drawing.pen import Pen, Point

Framing: TypeAlias = Literal["full", "bust", "face"]


def any_framing(size: tuple[int, int], rng: random.Random) -> Framing:
    """Choose how much of the figure an image of this size shows."""
    # A full figure would be tiny in a wide image.
    full = 0.15 if size[0] > size[1] else 0.45
    framings: list[Framing] = ["full", "bust", "face"]
    return rng.choices(framings, [full, 0.4, 0.2])[0]


def framed(layer: Image.Image, figure: Figure, framing: Framing, roll: float, rng: random.Random) -> Pen:
    """Return a pen that draws the figure near the layer's centre, rolled by `roll` degrees."""
    width, height = layer.size
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    middle, (across, down), (least, most) = _extent(figure, framing, (cos, sin))
    scale = min(width / across, height / down) * rng.uniform(least, most)
    shift = rng.gauss(0, 0.04) * width, rng.gauss(0, 0.04) * height
    return Pen(
        canvas=ImageDraw.Draw(layer),
        origin=(width / 2 - middle[0] * scale + shift[0], height / 2 - middle[1] * scale + shift[1]),
        across=(cos * scale, sin * scale),
        down=(-sin * scale, cos * scale),
        outline=rng.choice([0, 0.03, 0.045, 0.06]) * scale,
        ink=rng.choice([BLACK, BLACK, (60, 40, 40), (30, 40, 80)]),
        light=rng.choice([-1, 1]),
    )


def _extent(figure: Figure, framing: Framing, heading: Point) -> tuple[Point, Point, Point]:
    """Return the centre and the size of the visible part, and the bounds of its scale."""
    build, head = figure.build, figure.skeleton.head
    if framing == "face":
        return (
            _rolled((head[0], head[1] + 0.1), heading),
            (1.5 * build.head + 0.5, 1.9 * build.head),
            (0.85, 1.2),
        )
    if framing == "bust":
        return _rolled((0, -2.1), heading), (2 * build.shoulder + 1.4, 3.4), (0.85, 1.2)
    joints = [*figure.skeleton.points(), (head[0], head[1] - 0.5)]
    xs, ys = zip(*(_rolled(joint, heading) for joint in joints), strict=True)
    margin = 0.5 + build.hand
    size = max(xs) - min(xs) + 2 * margin, max(ys) - min(ys) + 2 * margin
    return ((max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2), size, (0.85, 1.25)


def _rolled(point: Point, heading: Point) -> Point:
    (x, y), (cos, sin) = point, heading
    return x * cos - y * sin, x * sin + y * cos
