"""A figure from the neck down: cape, legs, torso and what is on it, arms, and what they hold."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from crawlers.demo_web.drawing.colours import Rgb, mix, shaded
from crawlers.demo_web.drawing.costumes import Costume
from crawlers.demo_web.drawing.emblems import draw_emblem, star
from crawlers.demo_web.drawing.pen import Pen, Point, ellipse, mirrored, smoothed
from crawlers.demo_web.drawing.pose import CHEST_Y, HIP_Y, SHOULDER_Y, WAIST_Y, Build, Skeleton


@dataclass(frozen=True)
class Figure:
    """Somebody to draw: what he wears, in which colours, how he is built, stands, and turns (-1 to 1)."""

    costume: Costume
    colours: Mapping[str, Rgb]
    build: Build
    skeleton: Skeleton
    turn: float
    initial: str

    def colour(self, part: str | None, default: str | None = None) -> Rgb:
        """Look up the colour of a part of the costume, or that of `default` where the part is missing."""
        return self.colours[part or default or self.costume.chest]


def draw_body(pen: Pen, figure: Figure, rng: random.Random) -> None:
    """Draw everything below the head."""
    costume = figure.costume
    if costume.cape:
        _draw_cape(pen, figure, rng)
    for side, leg in zip((-1, 1), figure.skeleton.legs, strict=True):
        _draw_leg(pen, figure, leg, side)
    _draw_torso(pen, figure)
    if costume.lower == "skirt":
        _draw_skirt(pen, figure)
    if costume.trunks:
        _draw_trunks(pen, figure)
    if costume.belt:
        _draw_belt(pen, figure)
    if costume.emblem:
        size = costume.emblem_size
        chest = pen.moved(_facing(figure, 0.3), costume.emblem_height, size=(size * _narrow(figure), size))
        field = figure.colours[costume.emblem_field] if costume.emblem_field else None
        draw_emblem(chest, costume.emblem, figure.colour(costume.emblem_mark), field, figure.initial)
    if costume.prop == "lasso":
        _draw_lasso(pen, figure)
    for side, arm in zip((-1, 1), figure.skeleton.arms, strict=True):
        _draw_arm(pen, figure, arm, side)
    if costume.cape:
        _draw_collar(pen, figure)
    if costume.prop == "shield":
        _draw_shield(pen, figure)


def _narrow(figure: Figure) -> float:
    return 1 - 0.25 * abs(figure.turn)


def _facing(figure: Figure, depth: float) -> float:
    return depth * figure.turn * figure.build.chest


def _outline(figure: Figure) -> list[Point]:
    build, narrow = figure.build, _narrow(figure)
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
    return [(x * narrow, y) for x, y in half]


def _half_width(figure: Figure, y: float) -> float:
    outline = _outline(figure)
    for (x0, y0), (x1, y1) in pairwise(outline):
        if y0 <= y <= y1:
            return x0 + (x1 - x0) * (y - y0) / (y1 - y0)
    return outline[-1][0]


def _band(figure: Figure, top: float, bottom: float, share: float = 1) -> list[Point]:
    """Return the part of the torso between two heights, over the given share of its width."""
    ys = [top + (bottom - top) * step / 4 for step in range(5)]
    return mirrored([(share * _half_width(figure, y), y) for y in ys])


def _draw_torso(pen: Pen, figure: Figure) -> None:
    costume = figure.costume
    chest = figure.colour(costume.chest)
    skin_shows = costume.cut == "strapless"
    base = figure.colours["skin"] if skin_shows else chest
    outline = smoothed(mirrored(_outline(figure)))
    pen.polygon(outline, shaded(base))
    lit = [(x * 0.86 + 0.07 * pen.light * figure.build.chest, y * 0.97) for x, y in outline]
    pen.polygon(lit, base, outlined=False)
    if skin_shows:
        pen.polygon(_band(figure, SHOULDER_Y + 0.42, HIP_Y, 0.99), chest)
    if costume.lower == "torn":
        pen.polygon(_band(figure, WAIST_Y + 0.3, 0.4), figure.colour(costume.legs))
    if costume.panels:
        for side in (-1, 1):
            widths = [(y, _half_width(figure, y)) for y in (CHEST_Y, -1.1, WAIST_Y, -0.3)]
            inner = [(side * 0.5 * width, y) for y, width in reversed(widths)]
            outer = [(side * 0.99 * width, y) for y, width in widths]
            pen.polygon(outer + inner, figure.colour(costume.panels), outlined=False)
    _draw_muscles(pen, figure, shaded(base))
    _draw_pattern(pen, figure)


def _draw_muscles(pen: Pen, figure: Figure, shade: Rgb) -> None:
    build, middle = figure.build, _facing(figure, 0.25)
    width = 0.035 if build.chest < 1.2 else 0.06
    for side in (-1, 1):
        reach = side * build.chest * 0.7 * _narrow(figure)
        pec = [
            (middle, CHEST_Y + 0.28),
            (middle + reach * 0.6, CHEST_Y + 0.34),
            (middle + reach, CHEST_Y + 0.05),
        ]
        pen.line(pec, shade, width)
        for y in (-1.0, -0.72):
            pen.line([(middle + side * 0.05, y), (middle + reach * 0.4, y - 0.03)], shade, width * 0.8)
    pen.line([(middle, SHOULDER_Y + 0.2), (middle, WAIST_Y + 0.2)], shade, width * 0.8)


def _draw_pattern(pen: Pen, figure: Figure) -> None:
    costume = figure.costume
    if costume.pattern == "none":
        return
    colour, middle = figure.colour(costume.pattern_colour), _facing(figure, 0.25)
    match costume.pattern:
        case "web":
            reach = 0.5 if costume.panels else 0.95
            for step in range(9):
                y = SHOULDER_Y - 0.1 + step * 0.2
                width = _half_width(figure, y) * (0.93 if y < CHEST_Y else reach)
                pen.line([(-width, y - 0.05), (middle, y + 0.1), (width, y - 0.05)], colour, 0.022)
            for number in range(-4, 5):
                ys = [SHOULDER_Y - 0.2, CHEST_Y, -1.1, -0.5]
                share = number / 4.4 * (reach if costume.panels else 1)
                pen.line([(share * _half_width(figure, y), y) for y in ys], colour, 0.022)
        case "stripes":
            second = figure.colour(costume.second_pattern_colour)
            pen.polygon(_band(figure, -1.12, -0.3), second)
            for number in range(-3, 4, 2):
                edges = [
                    (number / 4 + shift, y)
                    for shift, y in ((0, -1.12), (0, -0.3), (0.25, -0.3), (0.25, -1.12))
                ]
                stripe = [((share - 0.12) * _half_width(figure, y), y) for share, y in edges]
                pen.polygon(stripe, colour, outlined=False)
        case "plates":
            for y, sag in ((-1.95, 0.35), (-1.25, 0.18), (-0.95, 0.14), (-0.65, 0.1)):
                width = _half_width(figure, y) * 0.92
                pen.line([(-width, y), (middle, y + sag), (width, y)], colour, 0.045)
        case "seams":
            for side in (-1, 1):
                ys = [SHOULDER_Y - 0.1, CHEST_Y, -1.0, -0.3]
                pen.line([(side * 0.55 * _half_width(figure, y), y) for y in ys], colour, 0.04)
            pen.line([(middle, SHOULDER_Y - 0.2), (middle * 0.6, -0.3)], colour, 0.05)


def _draw_leg(pen: Pen, figure: Figure, joints: tuple[Point, ...], side: int) -> None:
    costume, build = figure.costume, figure.build
    hip, knee, ankle = joints
    legs = figure.colour(costume.legs)
    lower = figure.colours["skin"] if costume.lower == "torn" else legs
    shoes = figure.colour(costume.boots) if costume.boots else lower
    shin = _between(knee, ankle, 0.3)
    foot = (ankle[0] + side * 0.3, ankle[1] + 0.12)
    sole = build.calf * 0.55
    pen.limb((ankle, foot), (sole, sole * 0.75), (shoes,))
    radii = (build.thigh, build.calf * 1.12, build.calf * 1.15, build.calf * 0.7)
    pen.limb((hip, knee, shin, ankle), radii, (legs, lower, shoes))
    if costume.lower == "torn":
        _draw_tatters(pen, knee, shin, build.calf * 1.3, legs)


def _draw_tatters(pen: Pen, knee: Point, shin: Point, width: float, colour: Rgb) -> None:
    heading = math.degrees(math.atan2(shin[1] - knee[1], shin[0] - knee[0])) - 90
    teeth = [(x / 3 * width, 0.06 if x % 2 else 0.38) for x in range(-3, 4)]
    pen.moved(*knee, angle=heading).polygon([(-width, -0.3), *teeth, (width, -0.3)], colour)


def _draw_arm(pen: Pen, figure: Figure, joints: tuple[Point, ...], side: int) -> None:
    costume, build = figure.costume, figure.build
    shoulder, elbow, hand = joints
    sleeve = figure.colour(costume.arms)
    glove = figure.colour(costume.gloves, costume.arms)
    bare = costume.arms == "skin" or costume.mask not in {"full", "helmet"}
    fist = figure.colours.get("skin", glove) if not costume.gloves and bare else glove
    if costume.gloves and costume.glove_length < 0.5:
        fist = figure.colours.get("skin", glove)
    cuff = _between(elbow, hand, 1 - costume.glove_length)
    thick = build.forearm * (1.1 if costume.gloves else 1)
    radii = (build.upper_arm * 1.12, build.forearm * 1.05, thick, build.forearm * 0.8)
    pen.limb((shoulder, elbow, cuff, hand), radii, (sleeve, sleeve, glove))
    beyond = _between(elbow, hand, 1.12)
    pen.disc(beyond, (build.hand, build.hand), shaded(fist))
    lit = (beyond[0] + 0.03 * pen.light, beyond[1] - 0.03)
    pen.disc(lit, (build.hand * 0.78, build.hand * 0.78), fist, outlined=False)
    knuckles = [(lit[0] + side * build.hand * share, lit[1] + 0.3 * build.hand) for share in (-0.3, 0.3)]
    pen.line(knuckles, shaded(fist), 0.03)


def _draw_trunks(pen: Pen, figure: Figure) -> None:
    hip = figure.build.hip * _narrow(figure)
    half = [
        (_half_width(figure, -0.4), -0.4),
        (hip * 1.03, 0.05),
        (hip * 0.98, 0.24),
        (0.16, 0.56),
        (0.0, 0.58),
    ]
    pen.polygon(mirrored(half), figure.colour(figure.costume.trunks))


def _draw_skirt(pen: Pen, figure: Figure) -> None:
    hip, colour = figure.build.hip * _narrow(figure), figure.colour(figure.costume.skirt)
    half = [
        (_half_width(figure, -0.4), -0.4),
        (hip * 1.2, 0.2),
        (hip * 1.5, 0.9),
        (hip * 0.5, 1.0),
        (0.0, 0.95),
    ]
    pen.polygon(mirrored(half), colour)
    for x, y in ((-0.5, 0.55), (0.0, 0.3), (0.45, 0.6)):
        pen.moved(x, y, size=(0.12, 0.12)).polygon(star(), mix(colour, (255, 255, 255), 0.85), outlined=False)


def _draw_belt(pen: Pen, figure: Figure) -> None:
    costume, colour, middle = figure.costume, figure.colour(figure.costume.belt), _facing(figure, 0.25)
    match costume.belt_style:
        case "zigzag":
            width = _half_width(figure, -0.4)
            xs = [-1, -0.6, -0.2, 0.2, 0.6, 1]
            ys = [-0.5, -0.28, -0.5, -0.28, -0.5, -0.28]
            pen.line([(x * width, y) for x, y in zip(xs, ys, strict=True)], colour, 0.14)
            return
        case "pouches":
            pen.polygon(_band(figure, -0.5, -0.28, 1.04), colour)
            for x in (-0.75, -0.4, 0.4, 0.75):
                left = x * _half_width(figure, -0.4) - 0.09
                pen.polygon([(left, -0.56), (left + 0.18, -0.56), (left + 0.18, -0.2), (left, -0.2)], colour)
        case _:
            pen.polygon(_band(figure, -0.5, -0.3, 1.03), colour)
    if costume.belt_style != "plain":
        pen.disc((middle, -0.4), (0.16, 0.14), figure.colour(costume.belt_buckle, costume.belt))


def _draw_cape(pen: Pen, figure: Figure, rng: random.Random) -> None:
    costume, shoulder = figure.costume, figure.build.shoulder
    colour = figure.colour(costume.cape)
    sway, spread, hem = rng.uniform(-0.9, 0.9), rng.uniform(1.2, 2.1), rng.uniform(1.9, 3.1)
    left, right = (
        (-spread + sway, hem + rng.uniform(-0.5, 0.3)),
        (spread + sway, hem + rng.uniform(-0.5, 0.3)),
    )
    count = 5 if costume.cape_hem == "scalloped" else 3
    edge = []
    for number in range(count):
        for share in (0.0, 0.5):
            x, y = _between(right, left, (number + share) / count)
            dip = -0.42 if share else 0.0
            edge.append((x, y + (dip if costume.cape_hem == "scalloped" else dip * 0.3)))
    flow = 0.75 * shoulder
    sides = [(flow + 0.35 + sway * 0.3, -0.6), right], [left, (-flow - 0.35 + sway * 0.3, -0.6)]
    top = [(-shoulder * 0.95, SHOULDER_Y - 0.05), (shoulder * 0.95, SHOULDER_Y - 0.05)]
    pen.polygon([*top, sides[0][0], *edge, left, sides[1][1]], shaded(colour))
    for share in (0.2, 0.5, 0.8):
        start = (shoulder * (0.8 - 1.6 * share), SHOULDER_Y)
        foot = _between(right, left, share)
        fold = [start, (foot[0] - 0.14, foot[1] - 0.5), (foot[0] + 0.18, foot[1] - 0.5)]
        pen.polygon(fold, colour, outlined=False)


def _draw_collar(pen: Pen, figure: Figure) -> None:
    colour, build = figure.colour(figure.costume.cape), figure.build
    for side in (-1, 1):
        edge = build.shoulder * _narrow(figure)
        clasp = [
            (side * build.neck_width, SHOULDER_Y - 0.34),
            (side * edge * 0.95, SHOULDER_Y - 0.08),
            (side * edge * 0.72, SHOULDER_Y + 0.14),
            (side * build.neck_width * 1.3, SHOULDER_Y - 0.12),
        ]
        pen.polygon(clasp, colour)


def _draw_shield(pen: Pen, figure: Figure) -> None:
    _, elbow, hand = figure.skeleton.arms[0]
    outer, second, inner = (figure.colours[name] for name in figure.costume.prop_colours)
    arm = pen.moved(*_between(elbow, hand, 0.8))
    for radius, colour in ((1.0, outer), (0.78, second), (0.58, outer), (0.38, inner)):
        arm.disc((0, 0), (radius * _narrow(figure), radius), colour, outlined=radius == 1)
    arm.moved(0, 0, size=(0.36, 0.36)).polygon(star(), second, outlined=False)


def _draw_lasso(pen: Pen, figure: Figure) -> None:
    colour = figure.colours[figure.costume.prop_colours[0]]
    hip = figure.build.hip * _narrow(figure)
    for drop in (0.0, 0.08):
        loop = ellipse((hip * 0.95, 0.35 + drop), (0.24, 0.5))
        pen.line([*loop, loop[0]], colour, 0.06)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share
