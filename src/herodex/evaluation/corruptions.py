"""What befalls images on the web, done to them on purpose."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

SMALL_SIDE = 96
"""Pixels of the long side of a thumbnail."""
Change = Callable[[np.ndarray], np.ndarray]
"""From a uint8 RGB image [h, w, 3] to a changed one."""


def saved_as_jpeg(quality: int) -> Change:
    """Save an image as JPEG of a quality, and read it again."""

    def change(pixels: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return change


def blurred(pixels: np.ndarray) -> np.ndarray:
    """Blur an image with a Gaussian of a hundredth of its short side."""
    radius = min(pixels.shape[:2]) / 100
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def noisy(pixels: np.ndarray) -> np.ndarray:
    """Add Gaussian noise with a deviation of 20 levels, the same for images of the same size."""
    noise = np.random.default_rng(0).normal(0, 20, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def small(pixels: np.ndarray) -> np.ndarray:
    """Scale an image down to a thumbnail."""
    image = Image.fromarray(pixels)
    image.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def rotated(pixels: np.ndarray) -> np.ndarray:
    """Turn an image by 10 degrees, as a crooked scan, with its edges drawn out into the corners."""
    pad = max(pixels.shape[:2]) // 5
    wide = Image.fromarray(np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    turned = wide.rotate(10, Image.Resampling.BICUBIC)
    width, height = wide.size
    return np.asarray(turned.crop((pad, pad, width - pad, height - pad)))


def mirrored(pixels: np.ndarray) -> np.ndarray:
    """Exchange left and right."""
    return np.ascontiguousarray(pixels[:, ::-1])


CORRUPTIONS: dict[str, Change] = {
    "JPEG quality 30": saved_as_jpeg(30),
    "JPEG quality 10": saved_as_jpeg(10),
    "blurred": blurred,
    "noisy": noisy,
    f"{SMALL_SIDE} pixels": small,
    "rotated by 10°": rotated,
    "mirrored": mirrored,
}
