"""Corruptions of images, for the classifier's corruption robustness."""

import io
from collections.abc import Callable

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFilter

SMALL_SIDE = 96
"""Pixels of a thumbnail's long side."""
Corruption = Callable[[np.ndarray], np.ndarray]
"""From an image to a corrupted one, both uint8 RGB [h, w, 3]."""


def jpeg(quality: int) -> Corruption:
    """Return the corruption that saves an image as JPEG of a quality and reads it again."""

    def corrupt(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return corrupt


def blur(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Blur an image by a Gaussian with a radius of a hundredth of its short side."""
    radius = min(pixels.shape[:2]) / 100
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def add_noise(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Add Gaussian noise with a deviation of 20 levels, the same for images of the same size."""
    noise = np.random.default_rng(0).normal(0, 20, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def shrink(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Scale an image down to a thumbnail."""
    image = Image.fromarray(pixels)
    image.thumbnail((SMALL_SIDE, SMALL_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def rotate(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Rotate an image by 10 degrees, and fill the corners from its edges."""
    pad = max(pixels.shape[:2]) // 5
    wide = Image.fromarray(np.pad(pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge"))
    rotated = wide.rotate(10, Image.Resampling.BICUBIC)
    width, height = wide.size
    return np.asarray(rotated.crop((pad, pad, width - pad, height - pad)))


def mirror(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """Exchange left and right."""
    return np.ascontiguousarray(pixels[:, ::-1])


CORRUPTIONS: dict[str, Corruption] = {
    "JPEG quality 30": jpeg(30),
    "JPEG quality 10": jpeg(10),
    "blurred": blur,
    "noisy": add_noise,
    f"{SMALL_SIDE} pixels": shrink,
    "rotated by 10°": rotate,
    "mirrored": mirror,
}
