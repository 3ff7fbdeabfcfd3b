"""Draw hair: behind the shoulders, beside the face, and above the forehead."""

import random

from demo_web.drawing.colours import mix, shaded
from demo_web.drawing.figure import Figure
from demo_web.drawing.pen import Pen, Point, mirrored, smoothed

_CROWN = mirrored(
    [(0.0, -0.58), (0.28, -0.54), (0.42, -0.3), (0.4, 0.02), (0.33, -0.1), (0.22, -0.26), (0.0, -0.22)]
)
_MANE = mirrored([(0.0, -0.5), (0.44, -0.3), (0.56, 0.4), (0.72, 1.05), (0.4, 1.25), (0.0, 1.1)])
_SHAGGY: list[Point] = [
    *((-0.44, 0.0), (-0.5, -0.3), (-0.36, -0.36), (-0.34, -0.6), (-0.14, -0.52), (0.02, -0.7)),
    *((0.14, -0.53), (0.32, -0.62), (0.36, -0.38), (0.5, -0.3), (0.43, 0.0), (0.33, -0.18)),
    *((0.2, -0.12), (0.1, -0.26), (0.0, -0.1), (-0.12, -0.26), (-0.22, -0.12), (-0.33, -0.2)),
]


def draw_mane(head: Pen, figure: Figure) -> None:
    """Draw long hair behind the shoulders; call it before drawing the body."""
    head.polygon(smoothed(_MANE), shaded(figure.colour(figure.costume.hair_colour)))


def draw_locks(head: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw long hair at both sides; call it before drawing the face."""
    colour, wave = figure.colour(figure.costume.hair_colour), rng.uniform(0, 0.15)
    for side in (-1, 1):
        lock = [(0.1, -0.5), (0.42, -0.34), (0.5, 0.2), (0.56 + wave, 0.8), (0.36, 0.95), (0.3, 0.3)]
        head.polygon(smoothed([(side * x, y) for x, y in lock]), colour)


def draw_crown(head: Pen, figure: Figure) -> None:
    """Draw the hair above the forehead; call it after drawing the face."""
    colour, style = figure.colour(figure.costume.hair_colour), figure.costume.hair
    if style == "shaggy":
        head.polygon(_SHAGGY, colour)
        return
    head.polygon(smoothed(_CROWN, 1), colour)
    head.line([(-0.2, -0.46), (0.05, -0.5), (0.2, -0.42)], mix(colour, (120, 140, 200), 0.5), 0.04)
    if style == "curl":
        head.line([(0.02, -0.28), (0.1, -0.18), (0.03, -0.1), (-0.04, -0.15), (0.0, -0.2)], colour, 0.05)
