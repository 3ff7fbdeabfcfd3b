"""Image files of the demo web: drawn and encoded on request, or read from a folder."""

import mimetypes
import random

from PIL import Image

from demo_web import encodings
from demo_web.broken import spoil
from demo_web.drawing.draw import cut_out, draw
from demo_web.duplicates import alter
from demo_web.faults import DUPLICATES, Kind
from demo_web.truth import PlannedImage


def image_file(planned: PlannedImage, seed: int) -> tuple[str, bytes]:
    """Return the content type and the bytes of an image; the same plan and seed give the same bytes."""
    content_type = mimetypes.guess_type(planned.image_url)[0] or "application/octet-stream"
    if planned.file:
        return content_type, planned.file.read_bytes()
    if planned.kind is Kind.PIXEL:
        return content_type, encodings.pixel()
    if planned.kind is Kind.BOMB:
        return content_type, encodings.bomb()
    shown = planned.original if planned.kind in DUPLICATES else planned.id
    if planned.kind is Kind.BLANK:
        rng = random.Random(f"{seed}/file/{planned.id}")
        blank = spoil(Image.new("RGB", (rng.randint(300, 600), rng.randint(300, 600))), Kind.BLANK, rng)
        return content_type, encodings.encode(blank, Kind.BLANK, rng)
    paint = cut_out if planned.kind is Kind.ALPHA_PNG else draw
    image = paint(planned.subject, f"{seed}/{shown}")
    # An exact duplicate is encoded like its original; all other images, near duplicates too, differently.
    own = shown if planned.kind is Kind.EXACT_DUPLICATE else planned.id
    rng = random.Random(f"{seed}/file/{own}")
    changed = spoil(alter(image, planned.kind, rng), planned.kind, rng)
    return content_type, encodings.encode(changed, planned.kind, rng)
