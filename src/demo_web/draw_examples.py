"""Stage `draw_examples`: draw example images of classes and of one distractor for the page."""

import shutil

from PIL import Image, ImageOps

from demo_web.drawing.draw import draw
from herodex import paths
from herodex.command import run_command
from herodex.params import Params, load_params

SIDE = 256
COLOURS = 64
"""Few colours keep the files small; the drawings have flat colours."""
MOST = 4
"""The largest number of classes to draw."""
SEED = "example 6"
"""Chosen by eye for recognisable drawings. The demo web uses other seeds."""


def subjects(params: Params) -> list[str]:
    """Return the subjects to draw; none if the classifier does not learn from drawings."""
    return [*params.classes[:MOST], *params.distractors[:1]] if params.crawl.web == "demo" else []


def draw_example(subject: str) -> Image.Image:
    """Draw a subject as a small square image with few colours."""
    square = ImageOps.fit(draw(subject, SEED), (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.2))
    return square.quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Write an example of each subject; the file name begins with its position, to keep the order."""
    shutil.rmtree(paths.EXAMPLES, ignore_errors=True)
    paths.EXAMPLES.mkdir(parents=True)
    for place, subject in enumerate(subjects(load_params())):
        draw_example(subject).save(paths.EXAMPLES / f"{place}-{subject}.png", optimize=True)


if __name__ == "__main__":
    run_command(main)
