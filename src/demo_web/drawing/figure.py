"""A figure to draw, and the measures of its torso.

Figure units (see pose.py): a head is about 1 high, the origin is the pelvis, y runs down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from demo_web.drawing.colours import Rgb
from demo_web.drawing.costumes import Costume
from demo_web.drawing.pen import Point, mirrored
from demo_web.drawing.pose import CHEST_Y, HIP_Y, SHOULDER_Y, WAIST_Y, Build, Skeleton


@dataclass(frozen=True)
class Figure:
    """A figure to draw: costume, colours, build, joints, and orientation (`turn`, -1 to 1)."""

    costume: Costume
    colours: Mapping[str, Rgb]
    build: Build
    skeleton: Skeleton
    turn: float
    initial: str

    def colour(self, part: str | None, default: str | None = None) -> Rgb:
        """Return the colour of a part of the costume; a missing part has the colour of `default`."""
        return self.colours[part or default or self.costume.chest]


def narrow(figure: Figure) -> float:
    """Return the visible share of the figure's width, which decreases as it turns."""
    return 1 - 0.25 * abs(figure.turn)


def facing(figure: Figure, depth: float) -> float:
    """Return the sideways shift of the front's middle; `depth` is a share of the chest's width."""
    return depth * figure.turn * figure.build.chest


def outline(figure: Figure) -> list[Point]:
    """Return the right half of the torso's outline, from the neck down."""
    build, share = figure.build, narrow(figure)
    half = [
        (build.neck_width, SHOULDER_Y - 0.24),
        (build.shoulder * 0.6, SHOULDER_Y - 0.17),
        (build.shoulder, SHOULDER_Y + 0.05),
        (build.chest, CHEST_Y + 0.1),
        (build.waist, WAIST_Y),
        (build.hip, HIP_Y),
        (build.hip * 0.75, 0.3),
        (0.0, 0.44),
    ]
    return [(x * share, y) for x, y in half]


def half_width(figure: Figure, y: float) -> float:
    """Return half the width of the torso at a height between neck and crotch."""
    for (x0, y0), (x1, y1) in pairwise(outline(figure)):
        if y0 <= y <= y1:
            return x0 + (x1 - x0) * (y - y0) / (y1 - y0)
    raise ValueError(f"{y} is not a height of the torso")


def band(figure: Figure, top: float, bottom: float, share: float = 1) -> list[Point]:
    """Return the part of the torso between two heights, over the given share of its width."""
    ys = [top + (bottom - top) * step / 4 for step in range(5)]
    return mirrored([(share * half_width(figure, y), y) for y in ys])
