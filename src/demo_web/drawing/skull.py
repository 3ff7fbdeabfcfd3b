"""The shape of a head, for faces and masks: 1 high, with its centre at (0, 0)."""

from demo_web.drawing.colours import Rgb, shaded
from demo_web.drawing.pen import Pen, Point, mirrored, smoothed

SKULL = mirrored(
    [(0.0, -0.5), (0.24, -0.46), (0.37, -0.2), (0.37, 0.08), (0.29, 0.34), (0.13, 0.5), (0.0, 0.52)]
)


def draw_skull(pen: Pen, shape: list[Point], colour: Rgb) -> None:
    """Fill a head-like shape, rounded, with a lit and a shaded side."""
    outline = smoothed(shape)
    pen.polygon(outline, shaded(colour))
    lit = [(x * 0.84 + 0.045 * pen.light, y * 0.95 - 0.01) for x, y in outline]
    pen.polygon(lit, colour, outlined=False)
