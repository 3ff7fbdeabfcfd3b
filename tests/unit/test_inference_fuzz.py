"""Mutated files of each format, with a fixed seed: one documented error, and a bound on their CPU."""

import asyncio
import io
import random
import zlib
from collections import Counter
from collections.abc import AsyncGenerator

import pytest
from fuzzing import cpu_below
from PIL import Image
from starlette.datastructures import Headers

from herodex.inference.image_decoding import FORMATS, ImageError, normalise, open_image
from herodex.serving.client_error import ClientError
from herodex.serving.upload import read_file

MUTANTS = 1000
MAX_PIXELS = 1_000_000
MAX_CPU_S = 0.5
"""A hundred times an ordinary image of this size; garbage collections are within it."""
INTERESTING = (0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF)
"""Values at which lengths and counters overflow."""


def seed_files(kind: str) -> list[bytes]:
    """Encode small images of a format, with metadata and in its variants."""
    image = Image.effect_noise((48, 40), 90).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    variants: list[tuple[Image.Image, dict[str, object]]] = [
        (image, {"exif": exif}),
        (image.convert("L"), {}),
        (image.convert("P"), {"save_all": True, "append_images": [image.rotate(90).convert("P")]}),
        (
            image,
            {"progressive": True, "lossless": True, "compression": "tiff_lzw", "icc_profile": bytes(500)},
        ),
    ]
    files: list[bytes] = []
    for original, options in variants:
        file = io.BytesIO()
        # These formats have no animations, and JPEG has no palettes.
        if kind in ("JPEG", "BMP"):
            options.pop("save_all", None)
        has_palette = kind == "JPEG" and original.mode == "P"
        variant = original.convert("CMYK") if has_palette else original
        variant.save(file, kind, **options)
        files.append(file.getvalue())
    return files


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Change, delete, repeat or insert a few bytes, most of them near the start."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        near = rng.random() < 0.7
        place = rng.randrange(min(len(changed), 200) if near else len(changed))
        match rng.randrange(4):
            case 0:
                changed[place] = rng.choice((*INTERESTING, rng.randrange(256)))
            case 1 if len(changed) > 300:
                del changed[place : place + rng.randint(1, 40)]
            case 2:
                changed[place:place] = changed[place : place + rng.randint(1, 40)] * rng.choice((1, 2, 50))
            case _:
                changed[place : place + 4] = rng.choice(
                    (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\0\0\0\1")
                )
    return bytes(changed)


def with_checksums(data: bytes) -> bytes:
    """Correct the checksums of a PNG, without which no mutant would reach the decoder; leave other files."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    fixed, place = data[:8], 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        fixed += data[place:end] + zlib.crc32(data[place + 4 : end]).to_bytes(4, "big")
        place = end + 4
    return fixed + data[place:]


def outcome(data: bytes) -> str:
    """Decode an image; return its size or its error, and fail for any other exception."""
    try:
        return str(normalise(open_image(data, MAX_PIXELS), 64).shape)
    except ImageError as error:
        return error.kind


@pytest.mark.filterwarnings("ignore")  # Pillow warns of damaged metadata.
@pytest.mark.parametrize("kind", FORMATS)
def test_mutated_image_is_decoded_or_refused_within_its_cpu(kind: str) -> None:
    rng = random.Random(kind)
    seeds = seed_files(kind)
    outcomes = Counter[str]()
    for _ in range(MUTANTS):
        data = with_checksums(mutated(rng.choice(seeds), rng))
        with cpu_below(MAX_CPU_S, data):
            outcomes[outcome(data)] += 1
    # Mutants that all have the same outcome would test little.
    assert len(outcomes) >= 3
    assert max(outcomes.values()) < 0.98 * MUTANTS


def upload(rng: random.Random) -> tuple[Headers, bytes]:
    """A mutated form and its header."""
    boundary = rng.choice(("b", "--", "b" * 70))
    part = f'--{boundary}\r\ncontent-disposition: form-data; name="image"; filename="x.png"\r\n\r\n'
    body = part.encode() + rng.randbytes(200) + f"\r\n--{boundary}--\r\n".encode()
    kind = f"multipart/form-data; boundary={boundary}"
    if rng.random() < 0.2:
        kind = mutated(kind.encode() * 4, rng).decode("latin-1")
    return Headers(raw=[(b"content-type", kind.encode("latin-1"))]), mutated(body, rng)


async def in_pieces(body: bytes, rng: random.Random) -> AsyncGenerator[bytes, None]:
    """Yield a body in pieces of random lengths."""
    while body:
        length = rng.randint(1, 100)
        yield body[:length]
        body = body[length:]


def status_of(headers: Headers, body: bytes, rng: random.Random) -> int:
    """Read a form; return 200 or the status of its refusal, and fail for any other exception."""
    try:
        asyncio.run(read_file(headers, in_pieces(body, rng), 100_000))
    except ClientError as error:
        return error.status
    return 200


@pytest.mark.filterwarnings("ignore")  # Starlette leaves the file of a broken form to the garbage collector.
def test_mutated_form_is_read_or_refused_within_its_cpu() -> None:
    rng = random.Random("form")
    statuses = Counter[int]()
    for _ in range(MUTANTS):
        headers, body = upload(rng)
        with cpu_below(MAX_CPU_S, body):
            statuses[status_of(headers, body, rng)] += 1
    assert set(statuses) == {200, 400, 415}
