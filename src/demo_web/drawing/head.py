"""Draw a figure's head: neck, hair, face or mask, and forehead."""

import random

from demo_web.drawing.face import draw_face, draw_tiara
from demo_web.drawing.figure import Figure
from demo_web.drawing.hair import draw_crown, draw_locks, draw_mane
from demo_web.drawing.masks import draw_cowl, draw_ears, draw_full_mask, draw_helmet
from demo_web.drawing.pen import Pen


def draw_back_of_head(pen: Pen, figure: Figure, tilt: float) -> None:
    """Draw the part of the head behind the body; `tilt` is in degrees."""
    if figure.costume.hair == "long":
        draw_mane(_head_pen(pen, figure, tilt), figure)


def draw_head(pen: Pen, figure: Figure, tilt: float, rng: random.Random) -> None:
    """Draw neck and head; `tilt` is in degrees."""
    costume = figure.costume
    _draw_neck(pen, figure)
    head = _head_pen(pen, figure, tilt)
    if costume.hair == "long":
        draw_locks(head, figure, rng)
    # Wings are drawn over the mask, all other ears under it.
    if costume.ears != "wings":
        draw_ears(head, figure)
    match costume.mask:
        case "full":
            draw_full_mask(head, figure)
        case "helmet":
            draw_helmet(head, figure)
        case "cowl":
            draw_cowl(head, figure, rng)
        case _:
            draw_face(head, figure, rng)
    if costume.hair != "none":
        draw_crown(head, figure)
    if costume.ears == "wings":
        draw_ears(head, figure)
    if costume.brow == "tiara":
        draw_tiara(head, figure)
    if costume.brow == "letter":
        head.letter(figure.initial, (0.1 * figure.turn, -0.24), 0.34, figure.colour(costume.brow_colour))


def _head_pen(pen: Pen, figure: Figure, tilt: float) -> Pen:
    return pen.moved(*figure.skeleton.head, angle=tilt, size=(figure.build.head, figure.build.head))


def _draw_neck(pen: Pen, figure: Figure) -> None:
    costume, build, (x, y) = figure.costume, figure.build, figure.skeleton.head
    covered = costume.mask in {"cowl", "full", "helmet"}
    colour = figure.colour(costume.mask_colour) if covered else figure.colours["skin"]
    nape = (x * 0.5, y + 0.55 + max(0, build.neck))
    pen.limb(((x, y + 0.2), nape), (build.neck_width, build.neck_width), (colour,))
