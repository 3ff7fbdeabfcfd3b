"""Stage `draw_examples`: drawings for the page's visitors to try, of classes and of something else."""

import shutil

from PIL import Image, ImageOps

from demo_web.drawing.draw import draw
from herodex import paths
from herodex.command import run_command
from herodex.params import Params, load_params

SIDE = 256
COLOURS = 64
"""Few enough for a small file; drawings are of flat colours."""
MOST = 4
"""Classes that are drawn."""
SEED = "example 6"
"""Chosen by eye, for drawings that people recognise. The demo web draws from other seeds."""


def subjects(params: Params) -> list[str]:
    """Whom to draw: nobody where the classifier learns from something else than drawings."""
    return [*params.classes[:MOST], *params.distractors[:1]] if params.crawl.web == "demo" else []


def draw_example(subject: str) -> Image.Image:
    """Draw a subject on a small square, in few colours."""
    square = ImageOps.fit(draw(subject, SEED), (SIDE, SIDE), Image.Resampling.LANCZOS, centering=(0.5, 0.2))
    return square.quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    """Write an example of each subject; its place in the file's name keeps the order."""
    shutil.rmtree(paths.EXAMPLES, ignore_errors=True)
    paths.EXAMPLES.mkdir(parents=True)
    for place, subject in enumerate(subjects(load_params())):
        draw_example(subject).save(paths.EXAMPLES / f"{place}-{subject}.png", optimize=True)


if __name__ == "__main__":
    run_command(main)
