"""Draw a figure from the neck down, from back to front."""

import random

from demo_web.drawing.cape import draw_cape, draw_collar
from demo_web.drawing.figure import Figure
from demo_web.drawing.limbs import draw_arm, draw_leg
from demo_web.drawing.pen import Pen
from demo_web.drawing.props import draw_lasso, draw_shield
from demo_web.drawing.torso import draw_belt, draw_chest_emblem, draw_skirt, draw_torso, draw_trunks


def draw_body(pen: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw everything below the head."""
    costume = figure.costume
    if costume.cape:
        draw_cape(pen, figure, rng)
    for side, leg in zip((-1, 1), figure.skeleton.legs, strict=True):
        draw_leg(pen, figure, leg, side)
    draw_torso(pen, figure)
    _draw_clothes(pen, figure)
    if costume.prop == "lasso":
        draw_lasso(pen, figure)
    for side, arm in zip((-1, 1), figure.skeleton.arms, strict=True):
        draw_arm(pen, figure, arm, side)
    if costume.cape:
        draw_collar(pen, figure)
    if costume.prop == "shield":
        draw_shield(pen, figure)


def _draw_clothes(pen: Pen, figure: Figure) -> None:
    costume = figure.costume
    if costume.skirt:
        draw_skirt(pen, figure)
    if costume.trunks:
        draw_trunks(pen, figure)
    if costume.belt:
        draw_belt(pen, figure)
    if costume.emblem:
        draw_chest_emblem(pen, figure)
