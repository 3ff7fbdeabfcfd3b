"""Draw masks that cover the head, and their ears."""

import random

from demo_web.drawing.colours import WHITE, Rgb, mix, shaded
from demo_web.drawing.costumes import Ears
from demo_web.drawing.face import draw_mouth
from demo_web.drawing.figure import Figure
from demo_web.drawing.pen import Pen, Point, ellipse, mirrored, smoothed
from demo_web.drawing.skull import SKULL, draw_skull

_HELMET = mirrored(
    [(0.0, -0.54), (0.3, -0.48), (0.42, -0.2), (0.42, 0.2), (0.3, 0.48), (0.14, 0.56), (0.0, 0.56)]
)
_FACEPLATE = mirrored(
    [(0.0, -0.3), (0.12, -0.38), (0.27, -0.24), (0.29, 0.1), (0.2, 0.4), (0.1, 0.5), (0.0, 0.5)]
)
_OPENING = mirrored([(0.0, 0.02), (0.07, 0.14), (0.27, 0.1), (0.27, 0.34), (0.12, 0.49), (0.0, 0.51)])
_LARGE_EYE: list[Point] = [(-0.11, 0.08), (-0.05, -0.06), (0.14, -0.2), (0.16, 0.02), (0.04, 0.14)]
_NARROW_EYE: list[Point] = [(-0.1, 0.04), (0.1, -0.08), (0.12, 0.0), (0.02, 0.06)]
_SLIT: list[Point] = [(-0.09, -0.03), (0.09, -0.03), (0.08, 0.03), (-0.08, 0.03)]
_RIM: Rgb = (24, 20, 26)
_EARS: dict[Ears, list[Point]] = {
    "points": [(0.38, -0.1), (0.35, -0.98), (0.12, -0.42)],
    "cat": [(0.4, -0.14), (0.36, -0.66), (0.1, -0.44)],
    "bolts": [(0.34, 0.0), (0.56, -0.1), (0.5, -0.24), (0.8, -0.5), (0.6, -0.18), (0.66, -0.06), (0.36, 0.1)],
    "wings": [
        (0.34, 0.02),
        (0.62, -0.44),
        (0.52, -0.2),
        (0.66, -0.2),
        (0.5, -0.06),
        (0.56, 0.0),
        (0.38, 0.1),
    ],
    "horns": [(0.18, -0.44), (0.34, -0.3), (0.62, -0.5), (0.6, -0.95), (0.42, -0.6)],
    "fins": [(0.36, 0.2), (0.7, 0.1), (0.62, -0.1), (0.74, -0.35), (0.36, -0.25)],
}


def draw_ears(head: Pen, figure: Figure) -> None:
    """Draw the costume's ears, wings, horns or fins at both sides of the head."""
    colour = figure.colour(figure.costume.ears_colour, figure.costume.mask_colour)
    for side in (-1, 1):
        if shape := _EARS.get(figure.costume.ears):
            head.polygon([(side * x, y) for x, y in shape], colour)


def draw_cowl(head: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw a mask that leaves mouth and chin uncovered."""
    costume, skin, shift = figure.costume, figure.colours["skin"], 0.1 * figure.turn
    draw_skull(head, [(x * 1.06, y * 1.03) for x, y in SKULL], figure.colour(costume.mask_colour))
    head.polygon([(x + shift * 0.6, y) for x, y in _OPENING], skin)
    draw_mouth(head, skin, shift, costume.scowl, rng)
    if costume.eyes == "open":
        for x in (shift - 0.16, shift + 0.16):
            head.disc((x, -0.05), (0.1, 0.07), skin, outlined=False)
            head.disc((x, -0.05), (0.04, 0.045), _RIM, outlined=False)
    else:
        _draw_lenses(head, figure, shift)


def draw_full_mask(head: Pen, figure: Figure) -> None:
    """Draw a mask that covers the whole face."""
    costume, shift = figure.costume, 0.1 * figure.turn
    colour = figure.colour(costume.mask_colour)
    draw_skull(head, SKULL, colour)
    if costume.pattern == "web":
        _draw_head_web(head, figure.colour(costume.pattern_colour), shift)
    _draw_lenses(head, figure, shift)
    if costume.ears == "cat":
        muzzle = mix(colour, WHITE, 0.45)
        head.line([(shift, -0.36), (shift * 1.5, 0.1), (shift - 0.07, 0.2)], muzzle, 0.03)
        head.line([(shift - 0.2, 0.36), (shift, 0.26), (shift + 0.2, 0.36)], muzzle, 0.03)


def draw_helmet(head: Pen, figure: Figure) -> None:
    """Draw a metal head with a faceplate."""
    costume, shift = figure.costume, 0.07 * figure.turn
    face = figure.colour(costume.face_colour)
    draw_skull(head, _HELMET, figure.colour(costume.mask_colour))
    head.polygon([(x + shift, y) for x, y in _FACEPLATE], face)
    _draw_lenses(head, figure, shift)
    for side in (-1, 1):
        x = side * 0.15 + shift
        head.line([(x + side * 0.08, 0.1), (x - side * 0.02, 0.42)], shaded(face), 0.03)
    head.line([(shift - 0.11, 0.32), (shift + 0.11, 0.32)], shaded(face), 0.04)


def _draw_lenses(head: Pen, figure: Figure, shift: float) -> None:
    costume = figure.costume
    lens = figure.colours[costume.eyes_colour] if costume.eyes_colour else WHITE
    for side in (-1, 1):
        eye = head.moved(side * 0.165 + shift, -0.02, size=(side, 1))
        match costume.eyes:
            case "large":
                eye.moved(0, 0, size=(1, 1.15)).polygon(_LARGE_EYE, _RIM, outlined=False)
                eye.moved(0, 0, size=(0.78, 0.86)).polygon(_LARGE_EYE, lens, outlined=False)
            case "slits":
                eye.polygon(_SLIT, lens)
            case _:
                eye.polygon(_NARROW_EYE, lens, outlined=False)


def _draw_head_web(head: Pen, colour: Rgb, shift: float) -> None:
    centre = (shift * 1.4, 0.1)
    for point in smoothed(SKULL, 1)[::2]:
        head.line([centre, point], colour, 0.018)
    for share in (0.3, 0.6, 0.85):
        ring = ellipse((centre[0] * (1 - share), centre[1] * (1 - share)), (0.37 * share, 0.5 * share))
        head.line([*ring, ring[0]], colour, 0.018)
