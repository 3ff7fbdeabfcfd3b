"""Draw one picture of a subject."""

import random

from PIL import Image, ImageDraw


def draw(subject: str, seed: str) -> Image.Image:
    """Draw `subject`; the same subject and seed give the same picture."""
    costume = random.Random(subject)
    rng = random.Random(seed)
    image = Image.new(
        "RGB",
        (rng.randint(160, 640), rng.randint(160, 640)),
        rng.randbytes(3).hex(" ") and tuple(rng.randbytes(3)),
    )
    drawing = ImageDraw.Draw(image)
    w, h = image.size
    for _ in range(6):
        x, y = costume.random() * w, costume.random() * h
        drawing.ellipse([x - w / 8, y - h / 8, x + w / 8, y + h / 8], fill=tuple(costume.randbytes(3)))
    return image
