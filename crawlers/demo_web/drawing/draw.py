"""Draw one picture of a subject: who, how he stands, how much of him is in the frame, before what."""

import math
import random

from PIL import Image, ImageDraw

from crawlers.demo_web.drawing.background import add_caption, draw_background
from crawlers.demo_web.drawing.body import Figure, draw_body
from crawlers.demo_web.drawing.colours import BLACK, Rgb, inked, mix, turned
from crawlers.demo_web.drawing.costumes import Costume, costume_of
from crawlers.demo_web.drawing.finish import finish
from crawlers.demo_web.drawing.head import draw_back_of_head, draw_head
from crawlers.demo_web.drawing.pen import Pen
from crawlers.demo_web.drawing.pose import BUILDS, POSES, Pose, loosened, skeleton

_SHORTEST, _LONGEST = 160, 640
_ASPECTS = (1, 1, 3 / 4, 3 / 4, 2 / 3, 4 / 3, 16 / 9)
_FINER = 2
"""Figures are drawn this many times as large and then scaled down, for smooth edges."""


def draw(subject: str, seed: str) -> Image.Image:
    """Draw `subject` as an RGB picture of 160 to 640 pixels a side; subject and seed decide everything."""
    rng = random.Random(f"{seed}/{subject}")
    size = _any_size(rng)
    image = draw_background(size, rng)
    layer = Image.new("RGBA", (size[0] * _FINER, size[1] * _FINER))
    _draw_somebody(layer, subject, rng)
    layer = layer.reduce(_FINER)
    if rng.random() < 0.08:
        _into_the_shade(layer, rng)
    image.paste(layer, mask=layer)
    if rng.random() < 0.15:
        add_caption(image, rng)
    return finish(image, rng)


def _any_size(rng: random.Random) -> tuple[int, int]:
    aspect = rng.choice(_ASPECTS)
    longer = rng.triangular(200, _LONGEST, 320)
    width, height = (longer, longer / aspect) if aspect >= 1 else (longer * aspect, longer)
    return max(_SHORTEST, round(width)), max(_SHORTEST, round(height))


def _draw_somebody(layer: Image.Image, subject: str, rng: random.Random) -> None:
    costume = costume_of(subject)
    build = BUILDS[costume.build]
    turn = rng.uniform(-1, 1)
    # A whole figure would be tiny in a wide picture.
    full = 0.15 if layer.width > layer.height else 0.45
    framing = rng.choices(["full", "bust", "face"], [full, 0.4, 0.2])[0]
    pose = loosened(POSES[rng.choice(costume.poses)], rng)
    if framing != "full":
        pose = Pose(pose.arms, pose.legs, max(-12, min(12, pose.roll)))
    joints = skeleton(build, pose, turn)
    colours = _any_palette(costume, rng)
    figure = Figure(costume, colours, build, joints, turn, subject[0].upper())
    pen = _framed(layer, figure, framing, pose.roll, rng)
    tilt = rng.gauss(0, 6) - 0.35 * pose.roll
    draw_back_of_head(pen, figure, tilt)
    draw_body(pen, figure, rng)
    draw_head(pen, figure, tilt, rng)


def _any_palette(costume: Costume, rng: random.Random) -> dict[str, Rgb]:
    usual, *others = costume.palettes()
    colours = rng.choice(others) if others and rng.random() < 0.25 else usual
    fate = rng.random()
    if fate < 0.08:
        return {name: inked(colour) for name, colour in colours.items()}
    if fate < 0.14:
        turn = rng.random()
        return {name: colour if name == "skin" else turned(colour, turn) for name, colour in colours.items()}
    return colours


def _framed(layer: Image.Image, figure: Figure, framing: str, roll: float, rng: random.Random) -> Pen:
    width, height = layer.size
    cos, sin = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    build, head = figure.build, figure.skeleton.head
    if framing == "full":
        points = [*figure.skeleton.points(), (head[0], head[1] - 0.5)]
        xs = [x * cos - y * sin for x, y in points]
        ys = [x * sin + y * cos for x, y in points]
        margin = 0.5 + build.hand
        across, down = max(xs) - min(xs) + 2 * margin, max(ys) - min(ys) + 2 * margin
        middle = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
        scale = min(width / across, height / down) * rng.uniform(0.85, 1.25)
    else:
        reach = (
            (2 * build.shoulder + 1.4, 3.4)
            if framing == "bust"
            else (1.5 * build.head + 0.5, 1.9 * build.head)
        )
        x, y = (0, -2.1) if framing == "bust" else (head[0], head[1] + 0.1)
        middle = x * cos - y * sin, x * sin + y * cos
        scale = min(width / reach[0], height / reach[1]) * rng.uniform(0.85, 1.2)
    room = rng.gauss(0, 0.04) * width, rng.gauss(0, 0.04) * height
    return Pen(
        canvas=ImageDraw.Draw(layer),
        origin=(width / 2 - middle[0] * scale + room[0], height / 2 - middle[1] * scale + room[1]),
        across=(cos * scale, sin * scale),
        down=(-sin * scale, cos * scale),
        outline=rng.choice([0, 0.03, 0.045, 0.06]) * scale,
        ink=rng.choice([BLACK, BLACK, (60, 40, 40), (30, 40, 80)]),
        light=rng.choice([-1, 1]),
    )


def _into_the_shade(layer: Image.Image, rng: random.Random) -> None:
    shade = mix(BLACK, (40, 40, 90), rng.random())
    dark = Image.new("RGB", layer.size, shade)
    shaded = Image.blend(layer.convert("RGB"), dark, rng.uniform(0.5, 0.75))
    layer.paste(shaded, mask=layer.getchannel("A"))
