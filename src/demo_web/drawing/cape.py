"""Draw a cape: behind the figure, and its ends at the shoulders."""

import random

from demo_web.drawing.colours import shaded
from demo_web.drawing.figure import Figure, narrow
from demo_web.drawing.pen import Pen, Point, between
from demo_web.drawing.pose import SHOULDER_Y


def draw_cape(pen: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw the cape behind the figure; call it before drawing the body."""
    costume, shoulder = figure.costume, figure.build.shoulder
    colour = figure.colour(costume.cape)
    sway, spread, hem = rng.uniform(-0.9, 0.9), rng.uniform(1.2, 2.1), rng.uniform(1.9, 3.1)
    left, right = ((sway + side * spread, hem + rng.uniform(-0.5, 0.3)) for side in (-1, 1))
    waist = [(side * (0.75 * shoulder + 0.35) + sway * 0.3, -0.6) for side in (-1, 1)]
    top = [(side * shoulder * 0.95, SHOULDER_Y - 0.05) for side in (-1, 1)]
    pen.polygon([*top, waist[1], *_hem(left, right, costume.cape_hem), left, waist[0]], shaded(colour))
    for share in (0.2, 0.5, 0.8):
        start = (shoulder * (0.8 - 1.6 * share), SHOULDER_Y)
        foot = between(right, left, share)
        fold = [start, (foot[0] - 0.14, foot[1] - 0.5), (foot[0] + 0.18, foot[1] - 0.5)]
        pen.polygon(fold, colour, outlined=False)


def _hem(left: Point, right: Point, style: str) -> list[Point]:
    scallops, depth = (5, 0.42) if style == "scalloped" else (3, 0.13)
    steps = [between(right, left, number / (2 * scallops)) for number in range(2 * scallops)]
    return [(x, y - (depth if number % 2 else 0)) for number, (x, y) in enumerate(steps)]


def draw_collar(pen: Pen, figure: Figure) -> None:
    """Draw the cape's ends over the shoulders; call it after drawing the body."""
    colour, build = figure.colour(figure.costume.cape), figure.build
    for side in (-1, 1):
        edge = build.shoulder * narrow(figure)
        clasp = [
            (side * build.neck_width, SHOULDER_Y - 0.34),
            (side * edge * 0.95, SHOULDER_Y - 0.08),
            (side * edge * 0.72, SHOULDER_Y + 0.14),
            (side * build.neck_width * 1.3, SHOULDER_Y - 0.12),
        ]
        pen.polygon(clasp, colour)
