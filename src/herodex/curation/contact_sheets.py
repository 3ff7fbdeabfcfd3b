"""Contact sheets: a grid of captioned images."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from herodex.plotting import drawable, font_for_all

COLUMNS = 8
SIDE, GAP, LINE, TITLE = 144, 8, 14, 40
PAPER, INK, MUTED = "#ffffff", "#17130d", "#6b6358"
BUILT_IN = "·…"
"""Marks beside ASCII that Pillow's own font has, and that captions use."""

Cell = tuple[Sequence[UInt8[np.ndarray, "_ _ 3"]], str]
"""One RGB image, or a duplicate and the image that is kept, with a caption.

Each line is cut at the image's width, so numbers belong at its start.
"""
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def contact_sheet(title: str, cells: Sequence[Cell]) -> Image.Image:
    """Lay out images in rows below a title; a cell with two images has double width."""
    paired = any(len(images) > 1 for images, _ in cells)
    columns, width = (COLUMNS // 2, 2 * SIDE + GAP // 2) if paired else (COLUMNS, SIDE)
    rows = (len(cells) + columns - 1) // columns
    lines = max([2, *(len(caption.splitlines()) for _, caption in cells)])
    height = SIDE + 4 + LINE * lines
    page = Image.new("RGB", (GAP + columns * (width + GAP), TITLE + rows * (height + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(page)
    _write(draw, (GAP, 10), title, 18, page.width - 2 * GAP, INK)
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
            _write(draw, (left, top + SIDE + 2 + LINE * line), text, 12, width, colour)
    return page


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int, width: int, colour: str
) -> None:
    shown = drawable(text)
    font = _font_of(shown, size)
    draw.text(place, _shorten(shown, font, width), colour, font)


def _font_of(text: str, size: int) -> Font:
    if all(each.isascii() or each in BUILT_IN for each in text):
        return ImageFont.load_default(size)
    return ImageFont.truetype(font_for_all(text), size)


def _shorten(text: str, font: Font, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
