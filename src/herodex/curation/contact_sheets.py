"""Contact sheets: a grid of captioned images."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
SIDE, GAP, LINE, TITLE = 144, 8, 14, 40
PAPER, INK, MUTED = "#ffffff", "#17130d", "#6b6358"

Cell = tuple[Sequence[UInt8[np.ndarray, "_ _ 3"]], str]
"""One RGB image, or a duplicate and the image that is kept, with a caption.

Each line is cut at the image's width, so numbers belong at its start. Pillow's font has ASCII and a few
punctuation marks; it draws a box for each other character.
"""


def contact_sheet(title: str, cells: Sequence[Cell]) -> Image.Image:
    """Lay out images in rows below a title; a cell with two images has double width."""
    paired = any(len(images) > 1 for images, _ in cells)
    columns, width = (COLUMNS // 2, 2 * SIDE + GAP // 2) if paired else (COLUMNS, SIDE)
    rows = (len(cells) + columns - 1) // columns
    lines = max([2, *(len(caption.splitlines()) for _, caption in cells)])
    height = SIDE + 4 + LINE * lines
    page = Image.new("RGB", (GAP + columns * (width + GAP), TITLE + rows * (height + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, 10), title, INK, ImageFont.load_default(18))
    font = ImageFont.load_default(12)
    for place, (images, caption) in enumerate(cells):
        left = GAP + place % columns * (width + GAP)
        top = TITLE + place // columns * (height + GAP)
        for shift, pixels in enumerate(images):
            image = Image.fromarray(pixels)
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            x = left + shift * (SIDE + GAP // 2) + (SIDE - image.width) // 2
            page.paste(image, (x, top + (SIDE - image.height) // 2))
        for line, text in enumerate(caption.splitlines()):
            colour = MUTED if line == lines - 1 else INK
            draw.text((left, top + SIDE + 2 + LINE * line), _shorten(text, font, width), colour, font)
    return page


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
