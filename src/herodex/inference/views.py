"""The parts of an image that the backbone looks at, each as a square."""

from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageOps

ViewName = Literal["middle", "whole", "zoom", "start", "end"]
ZOOM = 0.75
"""The side of the square of `zoom`, over the image's short side."""


class View(NamedTuple):
    """A part of an image, and whether left and right are exchanged in it."""

    name: ViewName
    mirrored: bool


MIDDLE = View("middle", mirrored=False)


def box_of(name: ViewName, width: int, height: int) -> tuple[float, float, float, float]:
    """Say where a view lies in an image: left, top, right, bottom in pixels.

    `middle` is the greatest square in the middle, `start` and `end` the same square at either end of the
    long side, `zoom` a smaller one in the middle; `whole` is everything, out of proportion.
    """
    if name == "whole":
        return (0, 0, width, height)
    side = min(width, height) * (ZOOM if name == "zoom" else 1)
    place = {"start": 0.0, "end": 1.0}.get(name, 0.5)
    left, top = (width - side) * place, (height - side) * place
    return (left, top, left + side, top + side)


def to_input(pixels: np.ndarray, view: View, side: int) -> np.ndarray:
    """Scale a view of a uint8 RGB image [h, w, 3] to the backbone's input, uint8 [side, side, 3]."""
    image = Image.fromarray(pixels)
    box = box_of(view.name, *image.size)
    square = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    return np.asarray(ImageOps.mirror(square) if view.mirrored else square)
