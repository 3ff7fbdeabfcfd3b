"""Draw a figure's props."""

from demo_web.drawing.emblems import star
from demo_web.drawing.figure import Figure, narrow
from demo_web.drawing.pen import Pen, between, ellipse


def draw_shield(pen: Pen, figure: Figure) -> None:
    """Draw a round shield on the left arm; `prop_colours` holds the colours of its rings and its centre."""
    _, elbow, hand = figure.skeleton.arms[0]
    outer, second, inner = (figure.colours[name] for name in figure.costume.prop_colours)
    arm = pen.moved(*between(elbow, hand, 0.8))
    for radius, colour in ((1.0, outer), (0.78, second), (0.58, outer), (0.38, inner)):
        arm.disc((0, 0), (radius * narrow(figure), radius), colour, outlined=radius == 1)
    arm.moved(0, 0, size=(0.36, 0.36)).polygon(star(), second, outlined=False)


def draw_lasso(pen: Pen, figure: Figure) -> None:
    """Draw a coiled rope at the hip."""
    colour = figure.colours[figure.costume.prop_colours[0]]
    hip = figure.build.hip * narrow(figure)
    for drop in (0.0, 0.08):
        loop = ellipse((hip * 0.95, 0.35 + drop), (0.24, 0.5))
        pen.line([*loop, loop[0]], colour, 0.06)
