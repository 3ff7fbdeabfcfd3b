"""Image files of the demo web: they match their kind and are reproducible."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from demo_web_params import ONE_OF_EACH, demo_params
from PIL import Image, ImageOps

from demo_web.faults import Kind
from demo_web.images import image_file
from demo_web.truth import PlannedImage, plan_web

SEED = 7
ALIKE = 14
"""Largest mean difference of a lossy duplicate in grey levels; two images of a hero differ much more."""
PLAN = plan_web(demo_params(results=40, shares=ONE_OF_EACH))


def some(kind: Kind) -> list[PlannedImage]:
    chosen = [planned for planned in PLAN if planned.kind is kind][:4]
    assert chosen
    return chosen


def original_of(duplicate: PlannedImage) -> PlannedImage:
    return next(planned for planned in PLAN if planned.id == duplicate.original)


def bytes_of(planned: PlannedImage) -> bytes:
    return image_file(planned, SEED)[1]


def opened(planned: PlannedImage) -> Image.Image:
    return Image.open(BytesIO(bytes_of(planned)))


def where_it_lies(part: Image.Image, whole: Image.Image) -> tuple[int, int, int, int]:
    """Find the box of `whole` whose top left corner is most similar to that of `part`."""
    corner = part.crop((0, 0, 96, 96))
    left, top = min(
        (
            (left, top)
            for left in range(whole.width - part.width + 1)
            for top in range(whole.height - part.height + 1)
        ),
        key=lambda place: difference(corner, whole.crop((*place, place[0] + 96, place[1] + 96))),
    )
    return left, top, left + part.width, top + part.height


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images of equal size, in grey levels."""
    one_pixels, other_pixels = (np.asarray(image.convert("RGB"), float) for image in (one, other))
    return float(np.abs(one_pixels - other_pixels).mean())


@pytest.mark.parametrize(
    ("kind", "file_format", "mode"),
    [
        (Kind.SOUND, "JPEG", "RGB"),
        (Kind.WRONG_SUBJECT, "JPEG", "RGB"),
        (Kind.WEBP, "WEBP", "RGB"),
        (Kind.CMYK_JPEG, "JPEG", "CMYK"),
        (Kind.PALETTE_PNG, "PNG", "P"),
        (Kind.ALPHA_PNG, "PNG", "RGBA"),
        (Kind.ANIMATED_GIF, "GIF", "P"),
        (Kind.PIXEL, "PNG", "RGB"),
    ],
)
def test_file_format_and_mode_match_the_kind(kind: Kind, file_format: str, mode: str) -> None:
    for planned in some(kind):
        content_type, data = image_file(planned, SEED)
        image = Image.open(BytesIO(data))
        image.load()
        assert (image.format, image.mode) == (file_format, mode)
        assert content_type == f"image/{file_format.lower()}"


def test_images_have_sides_of_160_to_640_pixels_in_several_shapes() -> None:
    sizes = [opened(planned).size for planned in PLAN if planned.kind is Kind.SOUND]
    assert min(min(size) for size in sizes) >= 160
    assert max(max(size) for size in sizes) <= 640
    assert len({round(width / height, 1) for width, height in sizes}) >= 4


def test_pixel_is_one_pixel() -> None:
    assert opened(some(Kind.PIXEL)[0]).size == (1, 1)


def test_bomb_is_small_and_unpacks_to_180_megapixels(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes_of(some(Kind.BOMB)[0])
    assert len(data) < 100_000
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    image = Image.open(BytesIO(data))
    assert image.width * image.height == 180_000_000
    assert image.getextrema() == (0, 0)


def test_animation_has_different_frames() -> None:
    image = opened(some(Kind.ANIMATED_GIF)[0])
    assert getattr(image, "n_frames", 1) == 2
    first = image.convert("RGB")
    image.seek(1)
    assert difference(first, image) > 1


def test_alpha_image_has_transparent_and_opaque_pixels() -> None:
    for planned in some(Kind.ALPHA_PNG):
        alpha = np.asarray(opened(planned))[..., 3]
        assert (alpha == 0).any()
        assert (alpha == 255).any()


def test_exif_rotated_image_is_upright_after_applying_its_tag() -> None:
    for planned in some(Kind.EXIF_ROTATED):
        image = opened(planned)
        assert image.getexif()[0x0112] in {3, 6, 8}
        upright = ImageOps.exif_transpose(image)
        twin = Image.open(BytesIO(image_file(_as(planned, Kind.SOUND), SEED)[1]))
        assert upright.size == twin.size
        assert difference(upright, twin) < ALIKE


def test_exact_duplicate_has_the_bytes_of_its_original() -> None:
    for duplicate in some(Kind.EXACT_DUPLICATE):
        assert bytes_of(duplicate) == bytes_of(original_of(duplicate))


def test_reencoded_duplicate_is_similar_in_fewer_bytes() -> None:
    for duplicate in some(Kind.REENCODED):
        assert len(bytes_of(duplicate)) < len(bytes_of(original_of(duplicate)))
        assert 0 < difference(opened(duplicate), opened(original_of(duplicate))) < ALIKE


def test_resized_duplicate_is_similar_after_scaling_back() -> None:
    for duplicate in some(Kind.RESIZED):
        original = opened(original_of(duplicate))
        image = opened(duplicate)
        assert image.size != original.size
        assert difference(image.resize(original.size), original) < ALIKE


def test_cropped_duplicate_keeps_at_least_four_fifths() -> None:
    for duplicate in some(Kind.CROPPED):
        image, original = opened(duplicate), opened(original_of(duplicate))
        kept = (image.width * image.height) / (original.width * original.height)
        assert 0.78 < kept < 1
        assert difference(image, original.crop(where_it_lies(image, original))) < ALIKE


def test_mirrored_duplicate_is_similar_after_mirroring_back() -> None:
    for duplicate in some(Kind.MIRRORED):
        assert difference(ImageOps.mirror(opened(duplicate)), opened(original_of(duplicate))) < ALIKE


def test_letterboxed_duplicate_is_its_original_between_black_bars() -> None:
    for duplicate in some(Kind.LETTERBOXED):
        image, original = opened(duplicate), opened(original_of(duplicate))
        assert image.size != original.size
        corners = [image.getpixel((x, y)) for x in (0, image.width - 1) for y in (0, image.height - 1)]
        assert all(max(corner) < 12 for corner in corners if isinstance(corner, tuple))
        left, top = (image.width - original.width) // 2, (image.height - original.height) // 2
        inside = image.crop((left, top, left + original.width, top + original.height))
        assert difference(inside, original) < ALIKE


def test_originals_are_not_similar() -> None:
    originals = [opened(planned).resize((64, 64)) for planned in some(Kind.SOUND)]
    for number, one in enumerate(originals):
        assert all(difference(one, other) > 2 * ALIKE for other in originals[:number])


def test_other_seed_draws_other_images() -> None:
    planned = some(Kind.SOUND)[0]
    assert image_file(planned, SEED)[1] != image_file(planned, SEED + 1)[1]


def _as(planned: PlannedImage, kind: Kind) -> PlannedImage:
    return replace(planned, kind=kind)


def test_watermarked_duplicate_differs_in_part() -> None:
    for duplicate in some(Kind.WATERMARKED):
        image, original = opened(duplicate), opened(original_of(duplicate))
        assert image.size == original.size
        assert difference(image, original) < ALIKE
        changed = np.abs(np.asarray(image, float) - np.asarray(original, float)).max(axis=2) > 60
        assert 0.001 < changed.mean() < 0.25


def test_dark_and_light_images_are_nearly_black_and_white() -> None:
    assert all(np.asarray(opened(planned)).mean() < 30 for planned in some(Kind.DARK))
    assert all(np.asarray(opened(planned)).mean() > 225 for planned in some(Kind.LIGHT))


def test_blurred_image_has_no_edges() -> None:
    for planned in some(Kind.BLURRY):
        blurred, sharp = (
            np.abs(np.diff(np.asarray(image.convert("L"), float), axis=1)).max()
            for image in (opened(planned), opened(_as(planned, Kind.SOUND)))
        )
        assert blurred < sharp / 2


def test_strip_is_much_longer_than_wide() -> None:
    for planned in some(Kind.STRIP):
        assert max(opened(planned).size) / min(opened(planned).size) > 5
        assert min(opened(planned).size) >= 36


def test_blank_image_has_one_colour_and_text() -> None:
    for planned in some(Kind.BLANK):
        pixels = np.asarray(opened(planned).convert("L"))
        values, counts = np.unique(pixels, return_counts=True)
        assert counts.max() / pixels.size > 0.8
        assert len(values) > 1
