"""Square views of an image, which the backbone takes as its input."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

ViewName = Literal["middle", "whole", "zoom", "start", "end"]
ZOOM = 0.75
"""The side of the `zoom` view, relative to the image's short side."""


class View(NamedTuple):
    """A part of an image, mirrored or not."""

    name: ViewName
    mirrored: bool


MIDDLE = View("middle", mirrored=False)


def box_of(name: ViewName, width: int, height: int) -> tuple[float, float, float, float]:
    """Locate a view in an image: left, top, right, bottom in pixels.

    `middle` is the largest centred square, `start` and `end` are the same square at either end of the long
    side, `zoom` is a smaller centred square; `whole` is the whole image, squeezed to a square.
    """
    if name == "whole":
        return (0, 0, width, height)
    side = min(width, height) * (ZOOM if name == "zoom" else 1)
    place = {"start": 0.0, "end": 1.0}.get(name, 0.5)
    left, top = (width - side) * place, (height - side) * place
    return (left, top, left + side, top + side)


def to_input(pixels: UInt8[np.ndarray, "h w 3"], view: View, side: int) -> UInt8[np.ndarray, "side side 3"]:
    """Scale a view of an image to the backbone's square input."""
    image = Image.fromarray(pixels)
    box = box_of(view.name, *image.size)
    square = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
    return np.asarray(ImageOps.mirror(square) if view.mirrored else square)
