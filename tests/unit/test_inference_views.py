import numpy as np
import pytest

from herodex.inference.views import View, box_of, to_input


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("middle", (50, 0, 150, 100)),
        ("whole", (0, 0, 200, 100)),
        ("zoom", (62.5, 12.5, 137.5, 87.5)),
        ("start", (0, 0, 100, 100)),
        ("end", (100, 0, 200, 100)),
    ],
)
def test_box_of_each_view(name, box):
    assert box_of(name, 200, 100) == box


@pytest.mark.parametrize("name", ["middle", "whole", "zoom", "start", "end"])
def test_any_image_shape_gives_a_square_input(name):
    assert to_input(np.zeros((7, 300, 3), np.uint8), View(name, True), 32).shape == (32, 32, 3)


def test_mirrored_view_equals_the_view_of_the_mirrored_image():
    image = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    mirrored = to_input(np.ascontiguousarray(image[:, ::-1]), View("middle", False), 32)
    # Scaling may round the other way.
    assert np.abs(to_input(image, View("middle", True), 32).astype(int) - mirrored).max() <= 1
