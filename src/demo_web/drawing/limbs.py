"""Draw legs and arms with shoes, gloves and torn trousers."""

import math

from demo_web.drawing.colours import Rgb, shaded
from demo_web.drawing.figure import Figure
from demo_web.drawing.pen import Pen, Point, between


def draw_leg(pen: Pen, figure: Figure, joints: tuple[Point, ...], side: int) -> None:
    """Draw a leg from its (hip, knee, ankle); `side` is -1 for left, 1 for right."""
    costume, build = figure.costume, figure.build
    hip, knee, ankle = joints
    legs = figure.colour(costume.legs)
    lower = figure.colours["skin"] if costume.trousers == "torn" else legs
    shoes = figure.colour(costume.boots) if costume.boots else lower
    shin = between(knee, ankle, 0.3)
    foot = (ankle[0] + side * 0.3, ankle[1] + 0.12)
    sole = build.calf * 0.55
    pen.limb((ankle, foot), (sole, sole * 0.75), (shoes,))
    radii = (build.thigh, build.calf * 1.12, build.calf * 1.15, build.calf * 0.7)
    pen.limb((hip, knee, shin, ankle), radii, (legs, lower, shoes))
    if costume.trousers == "torn":
        _draw_tatters(pen, knee, shin, build.calf * 1.3, legs)


def _draw_tatters(pen: Pen, knee: Point, shin: Point, width: float, colour: Rgb) -> None:
    heading = math.degrees(math.atan2(shin[1] - knee[1], shin[0] - knee[0])) - 90
    teeth = [(x / 3 * width, 0.06 if x % 2 else 0.38) for x in range(-3, 4)]
    pen.moved(*knee, angle=heading).polygon([(-width, -0.3), *teeth, (width, -0.3)], colour)


def draw_arm(pen: Pen, figure: Figure, joints: tuple[Point, ...], side: int) -> None:
    """Draw an arm from its (shoulder, elbow, hand); `side` is -1 for left, 1 for right."""
    costume, build = figure.costume, figure.build
    shoulder, elbow, hand = joints
    sleeve, glove = figure.colour(costume.arms), figure.colour(costume.gloves, costume.arms)
    cuff = between(elbow, hand, 1 - costume.glove_length)
    thick = build.forearm * (1.1 if costume.gloves else 1)
    radii = (build.upper_arm * 1.12, build.forearm * 1.05, thick, build.forearm * 0.8)
    pen.limb((shoulder, elbow, cuff, hand), radii, (sleeve, sleeve, glove))
    fist = figure.colour(costume.hands)
    x, y = between(elbow, hand, 1.12)
    pen.disc((x, y), (build.hand, build.hand), shaded(fist))
    lit = (x + 0.03 * pen.light, y - 0.03)
    pen.disc(lit, (build.hand * 0.78, build.hand * 0.78), fist, outlined=False)
    knuckles = [(lit[0] + side * build.hand * share, lit[1] + 0.3 * build.hand) for share in (-0.3, 0.3)]
    pen.line(knuckles, shaded(fist), 0.03)
