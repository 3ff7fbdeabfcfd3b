"""Draw emblems in a square from -1 to 1."""

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

from demo_web.drawing.colours import Rgb, mix, shaded
from demo_web.drawing.pen import Pen, Point, mirrored

EmblemName: TypeAlias = Literal[
    "bat",
    "letter-shield",
    "spider",
    "star",
    "bolt",
    "reactor",
    "hourglass",
    "claws",
    "chevrons",
    "letter",
    "cross",
    "crescent",
    "flame",
    "drop",
]


def draw_emblem(pen: Pen, name: EmblemName, mark: Rgb, field: Rgb | None, initial: str) -> None:
    """Draw an emblem's `mark`, on a `field` if it has one; letter emblems show `initial`."""
    _EMBLEMS[name](pen, mark, field, initial)


def star(points: int = 5, inner: float = 0.4) -> list[Point]:
    """Return a star with its tip up."""
    return [
        (radius * math.sin(step * math.pi / points), -radius * math.cos(step * math.pi / points))
        for step in range(2 * points)
        for radius in ((1, inner)[step % 2],)
    ]


_BAT = mirrored(
    [
        (0.0, -0.18),
        (0.05, -0.2),
        (0.09, -0.36),
        (0.14, -0.2),
        (0.24, -0.16),
        (0.34, -0.42),
        (0.62, -0.36),
        (0.98, 0.02),
        (0.9, 0.2),
        (0.72, 0.1),
        (0.55, 0.26),
        (0.38, 0.12),
        (0.2, 0.3),
        (0.0, 0.52),
    ]
)
_BOLT: list[Point] = [(0.28, -1), (-0.5, 0.1), (-0.04, 0.1), (-0.3, 1), (0.5, -0.22), (0.04, -0.22)]
_SHIELD = mirrored([(0.0, -0.72), (0.62, -0.72), (1.0, -0.26), (0.0, 1.0)])
_FLAME = mirrored([(0.0, -1), (0.22, -0.4), (0.4, -0.55), (0.62, 0.1), (0.5, 0.7), (0.0, 1)])
_DROP = mirrored([(0.0, -1), (0.3, -0.3), (0.6, 0.25), (0.5, 0.75), (0.0, 1)])
_CROSS = mirrored([(0, -1), (0.3, -1), (0.3, -0.3), (1, -0.3), (1, 0.3), (0.3, 0.3), (0.3, 1), (0, 1)])


def _on_field(pen: Pen, field: Rgb | None, radii: Point) -> None:
    if field:
        pen.disc((0, 0), radii, field)


def _bat(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (1.05, 0.68))
    pen.polygon(_BAT, mark, outlined=False)


def _letter_shield(pen: Pen, mark: Rgb, field: Rgb | None, initial: str) -> None:
    pen.polygon(_SHIELD, mark)
    pen.moved(0, 0, size=(0.8, 0.8)).polygon(_SHIELD, field or shaded(mark), outlined=False)
    pen.letter(initial, (0, -0.02), 1.35, mark)


def _spider(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (0.8, 0.8))
    for side in (-1, 1):
        for start, knee, foot in (
            (-0.2, (0.55, -0.7), (0.6, -1.1)),
            (-0.08, (0.8, -0.35), (1.0, -0.75)),
            (0.05, (0.8, 0.15), (1.0, 0.75)),
            (0.15, (0.5, 0.4), (0.55, 1.15)),
        ):
            pen.line([(0, start), (side * knee[0], knee[1]), (side * foot[0], foot[1])], mark, 0.13)
    pen.disc((0, -0.25), (0.2, 0.24), mark, outlined=False)
    pen.disc((0, 0.3), (0.26, 0.48), mark, outlined=False)


def _star(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (1.1, 1.1))
    pen.polygon(star(), mark)


def _bolt(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (0.82, 0.82))
    pen.polygon(_BOLT, mark)


def _reactor(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    pen.disc((0, 0), (0.72, 0.72), field or shaded(mark))
    pen.disc((0, 0), (0.52, 0.52), mark, outlined=False)
    pen.disc((0, 0), (0.3, 0.3), mix(mark, (255, 255, 255), 0.7), outlined=False)


def _hourglass(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (0.75, 0.75))
    pen.polygon([(-0.6, -0.75), (0.6, -0.75), (-0.6, 0.75), (0.6, 0.75)], mark, outlined=False)


def _claws(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    arc = [(1.25 * math.sin(angle / 10), -0.95 + 1.0 * math.cos(angle / 10)) for angle in range(-13, 14, 2)]
    pen.line(arc, field or mark, 0.1)
    for x, y in arc[1:-1]:
        pen.polygon([(x - 0.09, y), (x + 0.09, y), (x * 1.06, y + 0.36)], mark, outlined=False)


def _chevrons(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    for drop, colour in ((0.0, mark), (0.42, field or mark)):
        zigzag = [(-1.15, -0.5), (-0.5, 0.1), (0.0, -0.25), (0.5, 0.1), (1.15, -0.5)]
        lower = [(x * 0.86, y + 0.32) for x, y in reversed(zigzag)]
        pen.polygon([(x, y + drop) for x, y in zigzag + lower], colour)


def _letter(pen: Pen, mark: Rgb, field: Rgb | None, initial: str) -> None:
    _on_field(pen, field, (0.85, 0.85))
    pen.letter(initial, (0, 0), 1.5, mark)


def _cross(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (1.1, 1.1))
    pen.moved(0, 0, size=(0.8, 0.8)).polygon(_CROSS, mark)


def _crescent(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    pen.disc((0, 0), (0.9, 0.9), mark)
    pen.disc((0.32, -0.12), (0.72, 0.72), field or shaded(mark), outlined=False)


def _flame(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    pen.polygon(_FLAME, mark)
    pen.moved(0, 0.35, size=(0.5, 0.55)).polygon(_FLAME, field or shaded(mark), outlined=False)


def _drop(pen: Pen, mark: Rgb, field: Rgb | None, _: str) -> None:
    _on_field(pen, field, (1.1, 1.1))
    pen.polygon(_DROP, mark)


_EMBLEMS: dict[EmblemName, Callable[[Pen, Rgb, Rgb | None, str], None]] = {
    "bat": _bat,
    "letter-shield": _letter_shield,
    "spider": _spider,
    "star": _star,
    "bolt": _bolt,
    "reactor": _reactor,
    "hourglass": _hourglass,
    "claws": _claws,
    "chevrons": _chevrons,
    "letter": _letter,
    "cross": _cross,
    "crescent": _crescent,
    "flame": _flame,
    "drop": _drop,
}
