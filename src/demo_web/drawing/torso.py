"""Draw a torso and its clothes."""

from demo_web.drawing.colours import Rgb, mix, shaded
from demo_web.drawing.emblems import draw_emblem, star
from demo_web.drawing.figure import Figure, band, facing, half_width, narrow, outline
from demo_web.drawing.patterns import draw_pattern
from demo_web.drawing.pen import Pen, mirrored, smoothed
from demo_web.drawing.pose import CHEST_Y, HIP_Y, SHOULDER_Y, WAIST_Y


def draw_torso(pen: Pen, figure: Figure) -> None:
    """Draw chest, waist and hips, with panels and pattern."""
    costume = figure.costume
    strapless = costume.cut == "strapless"
    base = figure.colours["skin"] if strapless else figure.colour(costume.chest)
    shape = smoothed(mirrored(outline(figure)))
    pen.polygon(shape, shaded(base))
    lit = [(x * 0.86 + 0.07 * pen.light * figure.build.chest, y * 0.97) for x, y in shape]
    pen.polygon(lit, base, outlined=False)
    if strapless:
        pen.polygon(band(figure, SHOULDER_Y + 0.42, HIP_Y, 0.99), figure.colour(costume.chest))
    if costume.trousers == "torn":
        pen.polygon(band(figure, WAIST_Y + 0.3, 0.4), figure.colour(costume.legs))
    if costume.panels:
        for side in (-1, 1):
            widths = [(y, half_width(figure, y)) for y in (CHEST_Y, -1.1, WAIST_Y, -0.3)]
            inner = [(side * 0.5 * width, y) for y, width in reversed(widths)]
            outer = [(side * 0.99 * width, y) for y, width in widths]
            pen.polygon(outer + inner, figure.colour(costume.panels), outlined=False)
    _draw_muscles(pen, figure, shaded(base))
    draw_pattern(pen, figure)


def _draw_muscles(pen: Pen, figure: Figure, shade: Rgb) -> None:
    build, middle = figure.build, facing(figure, 0.25)
    width = 0.035 if build.chest < 1.2 else 0.06
    for side in (-1, 1):
        reach = side * build.chest * 0.7 * narrow(figure)
        pec = [
            (middle, CHEST_Y + 0.28),
            (middle + reach * 0.6, CHEST_Y + 0.34),
            (middle + reach, CHEST_Y + 0.05),
        ]
        pen.line(pec, shade, width)
        for y in (-1.0, -0.72):
            pen.line([(middle + side * 0.05, y), (middle + reach * 0.4, y - 0.03)], shade, width * 0.8)
    pen.line([(middle, SHOULDER_Y + 0.2), (middle, WAIST_Y + 0.2)], shade, width * 0.8)


def draw_chest_emblem(pen: Pen, figure: Figure) -> None:
    """Draw the emblem on the chest."""
    costume, size = figure.costume, figure.costume.emblem_size
    assert costume.emblem
    chest = pen.moved(facing(figure, 0.3), costume.emblem_height, size=(size * narrow(figure), size))
    field = figure.colours[costume.emblem_field] if costume.emblem_field else None
    draw_emblem(chest, costume.emblem, figure.colour(costume.emblem_mark), field, figure.initial)


def draw_trunks(pen: Pen, figure: Figure) -> None:
    """Draw trunks over the tights."""
    hip = figure.build.hip * narrow(figure)
    half = [
        (half_width(figure, -0.4), -0.4),
        (hip * 1.03, 0.05),
        (hip * 0.98, 0.24),
        (0.16, 0.56),
        (0.0, 0.58),
    ]
    pen.polygon(mirrored(half), figure.colour(figure.costume.trunks))


def draw_skirt(pen: Pen, figure: Figure) -> None:
    """Draw a short skirt with stars."""
    hip, colour = figure.build.hip * narrow(figure), figure.colour(figure.costume.skirt)
    half = [
        (half_width(figure, -0.4), -0.4),
        (hip * 1.2, 0.2),
        (hip * 1.5, 0.9),
        (hip * 0.5, 1.0),
        (0.0, 0.95),
    ]
    pen.polygon(mirrored(half), colour)
    for x, y in ((-0.5, 0.55), (0.0, 0.3), (0.45, 0.6)):
        pen.moved(x, y, size=(0.12, 0.12)).polygon(star(), mix(colour, (255, 255, 255), 0.85), outlined=False)


def draw_belt(pen: Pen, figure: Figure) -> None:
    """Draw the belt in its style."""
    costume, colour = figure.costume, figure.colour(figure.costume.belt)
    width = half_width(figure, -0.4)
    if costume.belt_style == "zigzag":
        zigzag = [(-1, -0.5), (-0.6, -0.28), (-0.2, -0.5), (0.2, -0.28), (0.6, -0.5), (1, -0.28)]
        pen.line([(share * width, y) for share, y in zigzag], colour, 0.14)
        return
    pen.polygon(band(figure, -0.5, -0.29, 1.03), colour)
    if costume.belt_style == "pouches":
        for share in (-0.75, -0.4, 0.4, 0.75):
            left, right = share * width - 0.09, share * width + 0.09
            pen.polygon([(left, -0.56), (right, -0.56), (right, -0.2), (left, -0.2)], colour)
    if costume.belt_style != "plain":
        buckle = figure.colour(costume.belt_buckle, costume.belt)
        pen.disc((facing(figure, 0.25), -0.4), (0.16, 0.14), buckle)
