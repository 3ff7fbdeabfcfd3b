import numpy as np
import pytest
from drawn_scene import scene
from PIL import Image, ImageDraw, ImageOps

from herodex.curation.alignment import alignment, thumbnail

MIN_ALIGNMENT = 0.88


def fit(one: Image.Image, other: Image.Image) -> float:
    return alignment(thumbnail(np.asarray(one)), thumbnail(np.asarray(other)))


def watermarked(image: Image.Image) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).text((20, 60), "gallery", fill="white", font_size=36)
    return marked


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((90, 90)),
        lambda image: image.crop((20, 0, 200, 145)),
        lambda image: image.crop((0, 0, 164, 160)),
        ImageOps.mirror,
        lambda image: ImageOps.mirror(image.crop((10, 10, 195, 155))),
        watermarked,
    ],
    ids=[
        "scaled",
        "cropped on two sides",
        "cropped by a fifth",
        "mirrored",
        "mirrored and cropped",
        "watermarked",
    ],
)
def test_alignment_is_high_for_a_near_duplicate_in_both_orders(change):
    original = scene(1)
    assert fit(change(original), original) > MIN_ALIGNMENT
    assert fit(original, change(original)) > MIN_ALIGNMENT


def test_alignment_is_low_for_different_images():
    assert max(fit(scene(0), scene(seed)) for seed in range(1, 9)) < 0.75


def test_alignment_is_low_for_an_image_of_one_colour():
    plain = Image.new("RGB", (50, 50), "navy")
    assert fit(plain, scene(1)) < 0.5
