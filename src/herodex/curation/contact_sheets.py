"""Contact sheets: many images on one, each with a caption."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 8
SIDE, GAP, CAPTION, TITLE = 144, 8, 32, 40
PAPER, INK, MUTED = "#ffffff", "#17130d", "#6b6358"

Cell = tuple[Sequence[np.ndarray], str]
"""One image, or a copy and the one that stays, uint8 RGB [h, w, 3]; and a caption of up to two lines."""


def contact_sheet(title: str, cells: Sequence[Cell]) -> Image.Image:
    """Lay images out in rows below a title; pairs stand side by side in a cell of double width."""
    paired = any(len(images) > 1 for images, _ in cells)
    columns, width = (COLUMNS // 2, 2 * SIDE + GAP // 2) if paired else (COLUMNS, SIDE)
    rows = (len(cells) + columns - 1) // columns
    height = SIDE + CAPTION
    sheet = Image.new("RGB", (GAP + columns * (width + GAP), TITLE + rows * (height + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, 10), title, INK, ImageFont.load_default(18))
    font = ImageFont.load_default(12)
    for place, (images, caption) in enumerate(cells):
        left = GAP + place % columns * (width + GAP)
        top = TITLE + place // columns * (height + GAP)
        for shift, pixels in enumerate(images):
            image = Image.fromarray(pixels)
            image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            x = left + shift * (SIDE + GAP // 2) + (SIDE - image.width) // 2
            sheet.paste(image, (x, top + (SIDE - image.height) // 2))
        for line, text in enumerate(caption.splitlines()[:2]):
            colour = MUTED if line else INK
            draw.text((left, top + SIDE + 2 + 14 * line), _shorten(text, font, width), colour, font)
    return sheet


def _shorten(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text}…"
