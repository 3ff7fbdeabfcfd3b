"""Draw a bare face, and the mouth below a half mask."""

import random

from demo_web.drawing.colours import WHITE, Rgb, mix, shaded
from demo_web.drawing.figure import Figure
from demo_web.drawing.pen import Pen
from demo_web.drawing.skull import SKULL, draw_skull

_DOMINO = [(-0.36, -0.16), (0.36, -0.16), (0.34, 0.1), (0.08, 0.06), (-0.08, 0.06), (-0.34, 0.1)]
_TIARA = [(-0.37, -0.2), (0.0, -0.42), (0.37, -0.2), (0.36, -0.12), (0.0, -0.24), (-0.36, -0.12)]
_PUPIL: Rgb = (35, 30, 40)
_RUBY: Rgb = (190, 30, 40)


def draw_face(head: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw a face, with a domino mask if the costume has one."""
    costume, skin = figure.costume, figure.colours["skin"]
    jaw = 1.15 if figure.build.chest > 1.2 else 1
    draw_skull(head, [(x * (jaw if y > 0 else 1), y) for x, y in SKULL], skin)
    shift = 0.1 * figure.turn
    if costume.mask == "domino":
        head.polygon(_DOMINO, figure.colour(costume.mask_colour))
    _draw_eyes(head, figure, shift, rng)
    draw_mouth(head, skin, shift, costume.scowl, rng)
    nose = [(shift * 1.6, -0.02), (shift * 1.9 + 0.05, 0.14), (shift * 1.6 - 0.02, 0.16)]
    head.line(nose, shaded(skin), 0.035)


def draw_mouth(head: Pen, skin: Rgb, shift: float, scowl: bool, rng: random.Random) -> None:
    """Draw a mouth, `shift` to the side; a scowl may show teeth."""
    dark = mix(skin, (70, 10, 20), 0.6)
    curve = rng.uniform(-0.04, 0.04)
    if scowl and rng.random() < 0.6:
        for width, bottom, colour in ((0.15, 0.4, dark), (0.12, 0.31, WHITE)):
            corners = [(-width, 0.24), (width, 0.24), (width * 0.9, bottom), (-width * 0.9, bottom)]
            head.polygon([(shift + x, y) for x, y in corners], colour, outlined=False)
        return
    head.line([(shift - 0.1, 0.31), (shift, 0.31 + curve), (shift + 0.1, 0.31)], dark, 0.04)


def draw_tiara(head: Pen, figure: Figure) -> None:
    """Draw a tiara on the forehead."""
    head.polygon(_TIARA, figure.colour(figure.costume.brow_colour))
    head.disc((0.1 * figure.turn, -0.32), (0.05, 0.05), _RUBY, outlined=False)


def _draw_eyes(head: Pen, figure: Figure, shift: float, rng: random.Random) -> None:
    skin = figure.colours["skin"]
    brow = figure.colours[figure.costume.hair_colour] if figure.costume.hair_colour else shaded(skin)
    glance = rng.uniform(-0.02, 0.02)
    frown = 0.09 if figure.costume.scowl else 0.03
    for side in (-1, 1):
        x = side * 0.155 + shift
        head.disc((x, -0.04), (0.085, 0.05), WHITE, outlined=False)
        head.disc((x + glance, -0.035), (0.038, 0.045), _PUPIL, outlined=False)
        head.line([(x + side * 0.11, -0.16), (x - side * 0.09, -0.16 + frown)], brow, 0.05)
