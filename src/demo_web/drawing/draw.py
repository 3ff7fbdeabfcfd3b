"""Draw one image of a subject with varied colours, pose, framing and background."""

import random

from PIL import Image

from demo_web.drawing.background import add_caption, draw_background
from demo_web.drawing.body import draw_body
from demo_web.drawing.colours import BLACK, Rgb, hue_shifted, inked, mix
from demo_web.drawing.costumes import Costume, costume_of
from demo_web.drawing.figure import Figure
from demo_web.drawing.finish import finish
from demo_web.drawing.framing import any_framing, framed
from demo_web.drawing.head import draw_back_of_head, draw_head
from demo_web.drawing.pose import BUILDS, POSES, Pose, loosened, skeleton

SHORTEST, LONGEST = 160, 640
"""Bounds of the sides of an image, in pixels."""
_ASPECTS = (1, 1, 3 / 4, 3 / 4, 2 / 3, 4 / 3, 16 / 9)
_FINER = 2
"""Supersampling factor of figures, for smooth edges."""
_MOST_ROLL = 12
"""The largest roll, in degrees, of a figure of which only a part is visible."""


def draw(subject: str, seed: str) -> Image.Image:
    """Draw `subject` on a background as an RGB image, determined by subject and seed."""
    rng = random.Random(f"{seed}/{subject}")
    size = _any_size(rng)
    image = draw_background(size, rng)
    layer = _draw_figure(subject, size, rng)
    if rng.random() < 0.08:
        _shade(layer, rng)
    image.paste(layer, mask=layer)
    if rng.random() < 0.15:
        add_caption(image, rng)
    return finish(image, rng)


def cut_out(subject: str, seed: str) -> Image.Image:
    """Draw `subject` without a background as an RGBA image, determined by subject and seed."""
    rng = random.Random(f"{seed}/{subject}")
    return _draw_figure(subject, _any_size(rng), rng)


def _any_size(rng: random.Random) -> tuple[int, int]:
    aspect = rng.choice(_ASPECTS)
    longer = rng.triangular(200, LONGEST, 320)
    width, height = (longer, longer / aspect) if aspect >= 1 else (longer * aspect, longer)
    return max(SHORTEST, round(width)), max(SHORTEST, round(height))


def _draw_figure(subject: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    layer = Image.new("RGBA", (size[0] * _FINER, size[1] * _FINER))
    costume = costume_of(subject)
    build, turn = BUILDS[costume.build], rng.uniform(-1, 1)
    pose = loosened(POSES[rng.choice(costume.poses)], rng)
    framing = any_framing(size, rng)
    if framing != "full":
        pose = Pose(pose.arms, pose.legs, max(-_MOST_ROLL, min(_MOST_ROLL, pose.roll)))
    colours = _any_colours(costume, rng)
    figure = Figure(costume, colours, build, skeleton(build, pose, turn), turn, subject[0].upper())
    pen = framed(layer, figure, framing, pose.roll, rng)
    # A flying or swinging figure still looks ahead.
    tilt = rng.gauss(0, 6) - 0.35 * pose.roll
    draw_back_of_head(pen, figure, tilt)
    draw_body(pen, figure, rng)
    draw_head(pen, figure, tilt, rng)
    return layer.reduce(_FINER)


def _any_colours(costume: Costume, rng: random.Random) -> dict[str, Rgb]:
    usual, *others = costume.palettes()
    colours = rng.choice(others) if others and rng.random() < 0.25 else usual
    variant = rng.random()
    if variant < 0.08:
        return {name: inked(colour) for name, colour in colours.items()}
    if variant < 0.14:
        shift = rng.random()
        return {
            name: colour if name == "skin" else hue_shifted(colour, shift) for name, colour in colours.items()
        }
    return colours


def _shade(layer: Image.Image, rng: random.Random) -> None:
    dark = Image.new("RGB", layer.size, mix(BLACK, (40, 40, 90), rng.random()))
    shaded = Image.blend(layer.convert("RGB"), dark, rng.uniform(0.5, 0.75))
    layer.paste(shaded, mask=layer.getchannel("A"))
