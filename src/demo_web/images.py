"""The bytes behind the URL of a picture: drawn and encoded on request, or read from a folder."""

import mimetypes
import random

from PIL import Image

from demo_web import encodings
from demo_web.broken import spoil
from demo_web.drawing.draw import cut_out, draw
from demo_web.duplicates import alter
from demo_web.faults import COPIES, Kind
from demo_web.truth import PlannedPicture


def picture_file(picture: PlannedPicture, seed: int) -> tuple[str, bytes]:
    """Return the content type and the bytes of a picture; the same plan and seed give the same bytes."""
    content_type = mimetypes.guess_type(picture.picture_url)[0] or "application/octet-stream"
    if picture.file:
        return content_type, picture.file.read_bytes()
    if picture.kind is Kind.PIXEL:
        return content_type, encodings.pixel()
    if picture.kind is Kind.BOMB:
        return content_type, encodings.bomb()
    shown = picture.original if picture.kind in COPIES else picture.id
    if picture.kind is Kind.BLANK:
        rng = random.Random(f"{seed}/file/{picture.id}")
        blank = spoil(Image.new("RGB", (rng.randint(300, 600), rng.randint(300, 600))), Kind.BLANK, rng)
        return content_type, encodings.encode(blank, Kind.BLANK, rng)
    paint = cut_out if picture.kind is Kind.ALPHA_PNG else draw
    image = paint(picture.subject, f"{seed}/{shown}")
    # An exact copy is encoded as its original was; everything else, near copies too, in its own way.
    own = shown if picture.kind is Kind.EXACT_COPY else picture.id
    rng = random.Random(f"{seed}/file/{own}")
    changed = spoil(alter(image, picture.kind, rng), picture.kind, rng)
    return content_type, encodings.encode(changed, picture.kind, rng)
