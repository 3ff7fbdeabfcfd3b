"""A figure's head: face, hair, mask, and what sticks out of it."""

import random

from crawlers.demo_web.drawing.body import Figure
from crawlers.demo_web.drawing.colours import WHITE, Rgb, mix, shaded
from crawlers.demo_web.drawing.pen import Pen, Point, ellipse, mirrored, smoothed

_SKULL = mirrored(
    [(0.0, -0.5), (0.24, -0.46), (0.37, -0.2), (0.37, 0.08), (0.29, 0.34), (0.13, 0.5), (0.0, 0.52)]
)
_HELMET = mirrored(
    [(0.0, -0.54), (0.3, -0.48), (0.42, -0.2), (0.42, 0.2), (0.3, 0.48), (0.14, 0.56), (0.0, 0.56)]
)
_OPENING = mirrored([(0.0, 0.02), (0.07, 0.14), (0.27, 0.1), (0.27, 0.34), (0.12, 0.49), (0.0, 0.51)])
_FACEPLATE = mirrored(
    [(0.0, -0.3), (0.12, -0.38), (0.27, -0.24), (0.29, 0.1), (0.2, 0.4), (0.1, 0.5), (0.0, 0.5)]
)
_CROWN = mirrored(
    [(0.0, -0.58), (0.28, -0.54), (0.42, -0.3), (0.4, 0.02), (0.33, -0.1), (0.22, -0.26), (0.0, -0.22)]
)


def draw_head(pen: Pen, figure: Figure, tilt: float, rng: random.Random) -> None:
    """Draw neck and head on top of a body; `tilt` is in degrees."""
    costume, build = figure.costume, figure.build
    covered = costume.mask in {"cowl", "full", "helmet"}
    neck = figure.colour(costume.mask_colour) if covered else figure.colours["skin"]
    x, y = figure.skeleton.head
    pen.limb(((x, y + 0.2), (x * 0.5, y + 0.55 + max(0, build.neck))), (build.neck_width,) * 2, (neck,))
    head = pen.moved(x, y, angle=tilt, size=(build.head, build.head))
    if costume.hair == "long":
        _draw_long_hair(head, figure, rng)
    if costume.ears != "none":
        _draw_ears(head, figure)
    match costume.mask:
        case "full":
            _draw_full_mask(head, figure)
        case "helmet":
            _draw_helmet(head, figure)
        case "cowl":
            _draw_cowl(head, figure, rng)
        case _:
            _draw_face(head, figure, rng)
    if costume.ears == "wings":
        _draw_wings(head)
    if costume.brow == "letter":
        head.letter(figure.initial, (0.1 * figure.turn, -0.24), 0.34, figure.colour(costume.brow_colour))


def draw_back_of_head(pen: Pen, figure: Figure, tilt: float) -> None:
    """Draw what hangs behind the shoulders; it comes before the body."""
    if figure.costume.hair != "long":
        return
    colour = shaded(figure.colour(figure.costume.hair_colour))
    head = pen.moved(*figure.skeleton.head, angle=tilt, size=(figure.build.head, figure.build.head))
    half = [(0.0, -0.5), (0.44, -0.3), (0.56, 0.4), (0.72, 1.05), (0.4, 1.25), (0.0, 1.1)]
    head.polygon(smoothed(mirrored(half)), colour)


def _skull(pen: Pen, shape: list[Point], colour: Rgb) -> None:
    outline = smoothed(shape)
    pen.polygon(outline, shaded(colour))
    lit = [(x * 0.84 + 0.045 * pen.light, y * 0.95 - 0.01) for x, y in outline]
    pen.polygon(lit, colour, outlined=False)


def _draw_face(pen: Pen, figure: Figure, rng: random.Random) -> None:
    costume, skin = figure.costume, figure.colours["skin"]
    jaw = 1.15 if figure.build.chest > 1.2 else 1
    _skull(pen, [(x * (jaw if y > 0 else 1), y) for x, y in _SKULL], skin)
    shift = 0.1 * figure.turn
    if costume.mask == "domino":
        band = [(-0.36, -0.16), (0.36, -0.16), (0.34, 0.1), (0.08, 0.06), (-0.08, 0.06), (-0.34, 0.1)]
        pen.polygon(band, figure.colour(costume.mask_colour))
    _draw_open_eyes(pen, figure, shift, rng)
    _draw_mouth(pen, skin, shift, rng, figure.costume.scowl)
    pen.line(
        [(shift * 1.6, -0.02), (shift * 1.9 + 0.05, 0.14), (shift * 1.6 - 0.02, 0.16)], shaded(skin), 0.035
    )
    if costume.hair != "none":
        _draw_hair(pen, figure)
    if costume.brow == "tiara":
        gold = figure.colour(costume.brow_colour)
        pen.polygon(
            [(-0.37, -0.2), (0, -0.42), (0.37, -0.2), (0.36, -0.12), (0, -0.24), (-0.36, -0.12)], gold
        )
        pen.disc((shift, -0.32), (0.05, 0.05), (190, 30, 40), outlined=False)


def _draw_open_eyes(pen: Pen, figure: Figure, shift: float, rng: random.Random) -> None:
    brow = figure.colours.get("hair", (40, 30, 30))
    glance = rng.uniform(-0.02, 0.02)
    frown = 0.09 if figure.costume.scowl else 0.03
    for side in (-1, 1):
        x = side * 0.155 + shift
        pen.disc((x, -0.04), (0.085, 0.05), WHITE, outlined=False)
        pen.disc((x + glance, -0.035), (0.038, 0.045), (35, 30, 40), outlined=False)
        pen.line([(x + side * 0.11, -0.16), (x - side * 0.09, -0.16 + frown)], brow, 0.05)


def _draw_mouth(pen: Pen, skin: Rgb, shift: float, rng: random.Random, scowl: bool) -> None:
    dark = mix(skin, (70, 10, 20), 0.6)
    curve = rng.uniform(-0.04, 0.04)
    if scowl and rng.random() < 0.6:
        pen.polygon(
            [(shift - 0.15, 0.24), (shift + 0.15, 0.24), (shift + 0.13, 0.4), (shift - 0.13, 0.4)], dark
        )
        teeth = [(shift - 0.12, 0.25), (shift + 0.12, 0.25), (shift + 0.12, 0.31), (shift - 0.12, 0.31)]
        pen.polygon(teeth, WHITE, outlined=False)
        return
    pen.line([(shift - 0.1, 0.31), (shift, 0.31 + curve), (shift + 0.1, 0.31)], dark, 0.04)


def _draw_hair(pen: Pen, figure: Figure) -> None:
    colour, style = figure.colour(figure.costume.hair_colour), figure.costume.hair
    if style == "shaggy":
        spikes = [(-0.44, 0.0), (-0.5, -0.3), (-0.36, -0.36), (-0.34, -0.6), (-0.14, -0.52), (0.02, -0.7)]
        spikes += [(0.14, -0.53), (0.32, -0.62), (0.36, -0.38), (0.5, -0.3), (0.43, 0.0), (0.33, -0.18)]
        spikes += [(0.2, -0.12), (0.1, -0.26), (0.0, -0.1), (-0.12, -0.26), (-0.22, -0.12), (-0.33, -0.2)]
        pen.polygon(spikes, colour)
        return
    pen.polygon(smoothed(_CROWN, 1), colour)
    pen.line([(-0.2, -0.46), (0.05, -0.5), (0.2, -0.42)], mix(colour, (120, 140, 200), 0.5), 0.04)
    if style == "curl":
        curl = [(0.02, -0.28), (0.1, -0.18), (0.03, -0.1), (-0.04, -0.15), (0.0, -0.2)]
        pen.line(curl, colour, 0.05)


def _draw_long_hair(pen: Pen, figure: Figure, rng: random.Random) -> None:
    colour, wave = figure.colour(figure.costume.hair_colour), rng.uniform(0, 0.15)
    for side in (-1, 1):
        lock = [(0.1, -0.5), (0.42, -0.34), (0.5, 0.2), (0.56 + wave, 0.8), (0.36, 0.95), (0.3, 0.3)]
        pen.polygon(smoothed([(side * x, y) for x, y in lock]), colour)


def _draw_cowl(pen: Pen, figure: Figure, rng: random.Random) -> None:
    costume, skin = figure.costume, figure.colours["skin"]
    shift = 0.1 * figure.turn
    _skull(pen, [(x * 1.06, y * 1.03) for x, y in _SKULL], figure.colour(costume.mask_colour))
    pen.polygon([(x + shift * 0.6, y) for x, y in _OPENING], skin)
    _draw_mouth(pen, skin, shift, rng, scowl=False)
    for side in (-1, 1):
        x = side * 0.16 + shift
        if costume.eyes == "open":
            pen.disc((x, -0.05), (0.1, 0.07), skin, outlined=False)
            pen.disc((x, -0.05), (0.04, 0.045), (40, 34, 48), outlined=False)
        else:
            eye = [(x - side * 0.1, 0.0), (x + side * 0.12, -0.1), (x + side * 0.08, 0.02)]
            pen.polygon(eye, WHITE, outlined=False)


def _draw_full_mask(pen: Pen, figure: Figure) -> None:
    costume, colour = figure.costume, figure.colour(figure.costume.mask_colour)
    shift = 0.1 * figure.turn
    _skull(pen, _SKULL, colour)
    if costume.pattern == "web":
        _draw_head_web(pen, figure.colour(costume.pattern_colour), shift)
    lens = figure.colours.get("lens", WHITE)
    for side in (-1, 1):
        x = side * 0.17 + shift
        if costume.eyes == "large":
            eye = [(-0.11, 0.08), (-0.05, -0.06), (0.14, -0.2), (0.16, 0.02), (0.04, 0.14)]
            pen.polygon([(x + side * dx, -0.02 + dy * 1.15) for dx, dy in eye], (24, 20, 26), outlined=False)
            pen.polygon([(x + side * dx * 0.78, -0.02 + dy * 0.86) for dx, dy in eye], lens, outlined=False)
        else:
            eye = [(-0.1, 0.04), (0.1, -0.08), (0.12, 0.0), (0.02, 0.06)]
            pen.polygon([(x + side * dx, -0.02 + dy) for dx, dy in eye], lens, outlined=False)
    if costume.ears == "cat":
        line = mix(colour, WHITE, 0.45)
        pen.line([(shift, -0.36), (shift * 1.5, 0.1), (shift - 0.07, 0.2)], line, 0.03)
        pen.line([(shift - 0.2, 0.36), (shift, 0.26), (shift + 0.2, 0.36)], line, 0.03)


def _draw_head_web(pen: Pen, colour: Rgb, shift: float) -> None:
    centre = (shift * 1.4, 0.1)
    for x, y in smoothed(_SKULL, 1)[::2]:
        pen.line([centre, (x, y)], colour, 0.018)
    for share in (0.3, 0.6, 0.85):
        ring = ellipse((centre[0] * (1 - share), centre[1] * (1 - share)), (0.37 * share, 0.5 * share))
        pen.line([*ring, ring[0]], colour, 0.018)


def _draw_helmet(pen: Pen, figure: Figure) -> None:
    costume, shift = figure.costume, 0.07 * figure.turn
    _skull(pen, _HELMET, figure.colour(costume.mask_colour))
    face = figure.colour(costume.face_colour)
    pen.polygon([(x + shift, y) for x, y in _FACEPLATE], face)
    glow = figure.colours.get("light", WHITE)
    for side in (-1, 1):
        x = side * 0.15 + shift
        pen.polygon([(x - 0.09, -0.05), (x + 0.09, -0.05), (x + 0.08, 0.01), (x - 0.08, 0.01)], glow)
        pen.line([(x + side * 0.08, 0.1), (x - side * 0.02, 0.42)], shaded(face), 0.03)
    pen.line([(shift - 0.11, 0.32), (shift + 0.11, 0.32)], shaded(face), 0.04)


def _draw_ears(pen: Pen, figure: Figure) -> None:
    costume = figure.costume
    colour = figure.colour(costume.ears_colour, costume.mask_colour)
    shapes: dict[str, list[Point]] = {
        "points": [(0.38, -0.1), (0.35, -0.98), (0.12, -0.42)],
        "cat": [(0.4, -0.14), (0.36, -0.66), (0.1, -0.44)],
        "bolts": [
            (0.34, -0.02),
            (0.56, -0.1),
            (0.5, -0.24),
            (0.8, -0.5),
            (0.6, -0.18),
            (0.66, -0.06),
            (0.36, 0.1),
        ],
        "horns": [(0.18, -0.44), (0.34, -0.3), (0.62, -0.5), (0.6, -0.95), (0.42, -0.6)],
        "fins": [(0.36, 0.2), (0.7, 0.1), (0.62, -0.1), (0.74, -0.35), (0.36, -0.25)],
    }
    for side in (-1, 1):
        if shape := shapes.get(costume.ears):
            pen.polygon([(side * x, y) for x, y in shape], colour)


def _draw_wings(pen: Pen) -> None:
    for side in (-1, 1):
        wing = [
            (0.34, 0.02),
            (0.62, -0.44),
            (0.52, -0.2),
            (0.66, -0.2),
            (0.5, -0.06),
            (0.56, 0.0),
            (0.38, 0.1),
        ]
        pen.polygon([(side * x, y) for x, y in wing], WHITE)
