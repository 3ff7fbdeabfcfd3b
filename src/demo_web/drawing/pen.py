"""Draw shapes in figure units on an image, by an affine map."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TypeAlias

from PIL import ImageDraw, ImageFont

from demo_web.drawing.colours import Rgb, shaded

Point: TypeAlias = tuple[float, float]

_CIRCLE = tuple((math.cos(step * math.pi / 12), math.sin(step * math.pi / 12)) for step in range(24))


@dataclass(frozen=True)
class Pen:
    """A pen that draws on `canvas` and maps figure coordinates (x right, y down) to pixels.

    The point (x, y) maps to x * `across` + y * `down` + `origin`. `outline` is the width of contours in
    pixels, 0 for none, and `ink` their colour. Light comes from the left if `light` is -1, else from the
    right.
    """

    canvas: ImageDraw.ImageDraw
    origin: Point
    across: Point
    down: Point
    outline: float
    ink: Rgb
    light: int

    def moved(self, x: float, y: float, *, angle: float = 0, size: tuple[float, float] = (1, 1)) -> "Pen":
        """Return a pen with its origin at (x, y), rotated clockwise by `angle` degrees, scaled by `size`."""
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        (ax, ay), (dx, dy), (sx, sy) = self.across, self.down, size
        return replace(
            self,
            origin=self.pixel((x, y)),
            across=((ax * cos + dx * sin) * sx, (ay * cos + dy * sin) * sx),
            down=((dx * cos - ax * sin) * sy, (dy * cos - ay * sin) * sy),
        )

    def pixel(self, point: Point) -> Point:
        """Map a point to pixels."""
        x, y = point
        return (
            self.origin[0] + x * self.across[0] + y * self.down[0],
            self.origin[1] + x * self.across[1] + y * self.down[1],
        )

    @property
    def unit(self) -> float:
        """The number of pixels per figure unit, across."""
        return math.hypot(*self.across)

    def polygon(self, points: Sequence[Point], fill: Rgb, *, outlined: bool = True) -> None:
        """Fill a polygon, with a contour if the pen draws them."""
        pixels = [self.pixel(point) for point in points]
        self.canvas.polygon(pixels, fill=fill)
        if outlined and self.outline >= 1:
            self.canvas.line([*pixels, pixels[0]], fill=self.ink, width=round(self.outline))

    def line(self, points: Sequence[Point], colour: Rgb, width: float) -> None:
        """Draw an open line, `width` figure units wide but at least one pixel."""
        pixels = [self.pixel(point) for point in points]
        self.canvas.line(pixels, fill=colour, width=max(1, round(width * self.unit)))

    def disc(self, centre: Point, radii: Point, fill: Rgb, *, outlined: bool = True) -> None:
        """Fill an ellipse, with a contour if the pen draws them."""
        self.polygon(ellipse(centre, radii), fill, outlined=outlined)

    def limb(self, joints: Sequence[Point], radii: Sequence[float], fills: Sequence[Rgb]) -> None:
        """Draw a limb: a rounded, tapering segment between each two joints, with one common contour."""
        segments = [
            (start, end, radii[number], radii[number + 1], fills[number])
            for number, (start, end) in enumerate(pairwise(joints))
        ]
        if self.outline >= 1:
            margin = self.outline / self.unit
            for start, end, near, far, _ in segments:
                self.polygon(capsule(start, end, near + margin, far + margin), self.ink, outlined=False)
        for start, end, near, far, fill in segments:
            self.polygon(capsule(start, end, near, far), shaded(fill), outlined=False)
        for start, end, near, far, fill in segments:
            shift = 0.22 * self.light
            lit = [(x + shift * (near + far) / 2, y - 0.04) for x, y in (start, end)]
            self.polygon(capsule(lit[0], lit[1], near * 0.74, far * 0.74), fill, outlined=False)

    def letter(self, text: str, centre: Point, height: float, colour: Rgb) -> None:
        """Write upright text centred on a point; `height` is the font size in figure units."""
        font = font_of_size(max(6, round(height * self.unit)))
        self.canvas.text(self.pixel(centre), text, font=font, fill=colour, anchor="mm")


def ellipse(centre: Point, radii: Point) -> list[Point]:
    """Return an ellipse as a polygon."""
    return [(centre[0] + x * radii[0], centre[1] + y * radii[1]) for x, y in _CIRCLE]


def capsule(start: Point, end: Point, near: float, far: float) -> list[Point]:
    """Return the outline of a rounded segment with the radius `near` at its start and `far` at its end."""
    heading = math.atan2(end[1] - start[1], end[0] - start[0])
    arc = [step * math.pi / 7 - math.pi / 2 for step in range(8)]
    front = [(end[0] + far * math.cos(heading + a), end[1] + far * math.sin(heading + a)) for a in arc]
    back = [(start[0] - near * math.cos(heading + a), start[1] - near * math.sin(heading + a)) for a in arc]
    return front + back


def smoothed(points: Sequence[Point], rounds: int = 2) -> list[Point]:
    """Round the corners of a closed polygon by corner cutting (Chaikin 1974)."""
    smooth = list(points)
    for _ in range(rounds):
        following = smooth[1:] + smooth[:1]
        smooth = [
            (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
            for a, b in zip(smooth, following, strict=True)
            for share in (0.25, 0.75)
        ]
    return smooth


def mirrored(half: Sequence[Point]) -> list[Point]:
    """Complete the right half of an outline, listed from top to bottom, with its mirror image."""
    return [*half, *((-x, y) for x, y in reversed(half))]


@cache
def font_of_size(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's built-in font, so that images do not depend on the machine's fonts."""
    return ImageFont.load_default(size)


def between(start: Point, end: Point, share: float) -> Point:
    """Return the point at the given share of the way between two points."""
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
