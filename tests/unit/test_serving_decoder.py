import io
import os
import struct
import sys
import time
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from herodex.inference.image_decoding import ImageError, open_image, to_rgb
from herodex.serving import decoder
from herodex.serving.decoder import DecodeLimits, Decoders, cpu_limit

LIMITS = DecodeLimits(max_pixels=25_000_000, max_jpeg_pixels=50_000_000, max_side=128)
ENOUGH_S = 30.0


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    """Decoding processes for all tests."""
    found = Decoders()
    yield found
    found.close()


def encoded(kind: str, size: tuple[int, int] = (200, 150), **options: object) -> bytes:
    """Encode an image of noise."""
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def large_png(side: int = 4900) -> bytes:
    """A PNG of black pixels that takes long to decode."""
    rows = zlib.compress(bytes((side * 3 + 1) * side), 1)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_process_returns_the_pixels_of_the_same_decoder(decoders: Decoders, kind: str) -> None:
    data = encoded(kind)
    expected = to_rgb(open_image(data, LIMITS.max_pixels), LIMITS.max_side)
    assert (decoders.decode(data, LIMITS, ENOUGH_S) == expected).all()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(b"junk", "unsupported", id="no image"),
        pytest.param(encoded("GIF"), "unsupported", id="another format"),
        pytest.param(encoded("JPEG")[:-1000], "truncated", id="truncated"),
    ],
)
def test_error_of_an_image_is_that_of_the_decoder(decoders: Decoders, data: bytes, kind: str) -> None:
    with pytest.raises(ImageError) as caught:
        decoders.decode(data, LIMITS, ENOUGH_S)
    assert caught.value.kind == kind


def test_image_over_its_cpu_time_is_refused_and_the_next_one_is_decoded(decoders: Decoders) -> None:
    data = large_png()
    started = time.perf_counter()
    with pytest.raises(ImageError, match="too long") as caught:
        decoders.decode(data, LIMITS, 0.02)
    assert caught.value.kind == "too_complex"
    assert time.perf_counter() - started < ENOUGH_S
    assert decoders.decode(encoded("PNG"), LIMITS, ENOUGH_S).shape == (96, 128, 3)


def test_crash_of_the_decoder_costs_one_image(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    crashing = Decoders()
    command = (
        "import os, sys; from herodex.serving import decoder; "
        "decoder.open_image = lambda *_: os.abort(); decoder.main()"
    )
    with monkeypatch.context() as patched:
        patched.setattr(decoder, "COMMAND", (sys.executable, "-c", command))
        crashing.start()
    with pytest.raises(ImageError, match="the decoder failed"):
        crashing.decode(encoded("PNG"), LIMITS, ENOUGH_S)
    assert crashing.decode(encoded("PNG"), LIMITS, ENOUGH_S).shape == (96, 128, 3)
    crashing.close()


def test_process_that_cannot_start_is_an_error_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(RuntimeError, match="does not start"):
        Decoders().start()


def test_killed_idle_process_is_replaced(decoders: Decoders) -> None:
    decoders.decode(encoded("PNG"), LIMITS, ENOUGH_S)
    for process in decoders._idle:
        os.kill(process.pid, 9)
        process.wait()
    assert decoders.decode(encoded("PNG"), LIMITS, ENOUGH_S).shape == (96, 128, 3)


def test_too_much_memory_is_refused(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Decoders()
    command = "from herodex.serving import decoder; decoder.MEMORY_BYTES = 2**28; decoder.main()"
    monkeypatch.setattr(decoder, "COMMAND", (sys.executable, "-c", command))
    with pytest.raises(ImageError, match="too much memory") as caught:
        small.decode(large_png(), LIMITS, ENOUGH_S)
    assert caught.value.kind == "too_complex"
    small.close()


def test_photo_above_the_limit_of_other_formats_is_decoded_at_reduced_size(decoders: Decoders) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((6600, 4300)).save(file, "JPEG")
    pixels = decoders.decode(file.getvalue(), LIMITS, cpu_limit(6600 * 4300))
    assert pixels.shape == (83, 128, 3)
    assert np.abs(pixels[:, 64, 0] - np.linspace(0, 255, 83)).max() < 6
