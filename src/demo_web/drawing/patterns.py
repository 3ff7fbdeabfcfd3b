"""Draw patterns on the front of a suit."""

from collections.abc import Callable

from demo_web.drawing.costumes import Pattern
from demo_web.drawing.figure import Figure, band, facing, half_width
from demo_web.drawing.pen import Pen
from demo_web.drawing.pose import CHEST_Y, SHOULDER_Y


def draw_pattern(pen: Pen, figure: Figure) -> None:
    """Draw the costume's pattern, if it has one, on the torso."""
    if draw := _PATTERNS.get(figure.costume.pattern):
        draw(pen, figure)


def _web(pen: Pen, figure: Figure) -> None:
    colour, middle = figure.colour(figure.costume.pattern_colour), facing(figure, 0.25)
    # If panels cover the sides, the web is drawn between them.
    reach = 0.5 if figure.costume.panels else 0.93
    for step in range(9):
        y = SHOULDER_Y - 0.1 + step * 0.2
        width = half_width(figure, y) * (0.93 if y < CHEST_Y else reach)
        pen.line([(-width, y - 0.05), (middle, y + 0.1), (width, y - 0.05)], colour, 0.022)
    for number in range(-4, 5):
        heights = [SHOULDER_Y - 0.2, CHEST_Y, -1.1, -0.5]
        pen.line([(number / 4.4 * reach * half_width(figure, y), y) for y in heights], colour, 0.022)


def _stripes(pen: Pen, figure: Figure) -> None:
    costume, top, bottom = figure.costume, -1.12, -0.3
    pen.polygon(band(figure, top, bottom), figure.colour(costume.second_pattern_colour))
    for number in range(-3, 4, 2):
        left, right = number / 4 - 0.12, number / 4 + 0.13
        corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
        stripe = [(share * half_width(figure, y), y) for share, y in corners]
        pen.polygon(stripe, figure.colour(costume.pattern_colour), outlined=False)


def _plates(pen: Pen, figure: Figure) -> None:
    colour, middle = figure.colour(figure.costume.pattern_colour), facing(figure, 0.25)
    for y, sag in ((-1.95, 0.35), (-1.25, 0.18), (-0.95, 0.14), (-0.65, 0.1)):
        width = half_width(figure, y) * 0.92
        pen.line([(-width, y), (middle, y + sag), (width, y)], colour, 0.045)


def _seams(pen: Pen, figure: Figure) -> None:
    colour, middle = figure.colour(figure.costume.pattern_colour), facing(figure, 0.25)
    heights = [SHOULDER_Y - 0.1, CHEST_Y, -1.0, -0.3]
    for share in (-0.55, 0.55):
        pen.line([(share * half_width(figure, y), y) for y in heights], colour, 0.04)
    pen.line([(middle, SHOULDER_Y - 0.2), (middle * 0.6, -0.3)], colour, 0.05)


_PATTERNS: dict[Pattern, Callable[[Pen, Figure], None]] = {
    "web": _web,
    "stripes": _stripes,
    "plates": _plates,
    "seams": _seams,
}
