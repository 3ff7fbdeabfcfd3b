"""RGB colours and their changes by light and print."""

import colorsys
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

BLACK: Rgb = (18, 16, 22)
WHITE: Rgb = (250, 250, 248)


def from_hex(text: str) -> Rgb:
    """Parse '#rrggbb'."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """Blend two colours; `share` (0 to 1) is the weight of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def shaded(colour: Rgb) -> Rgb:
    """Return the colour in shade."""
    return mix(colour, (20, 16, 40), 0.32)


def luminance(colour: Rgb) -> float:
    """Return the brightness, 0 to 1, weighted as in ITU-R BT.601."""
    red, green, blue = colour
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255


def hue_shifted(colour: Rgb, shift: float) -> Rgb:
    """Shift the hue by `shift` of the colour circle; keep lightness and saturation."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + shift) % 1, lightness, saturation)
    return round(red * 255), round(green * 255), round(blue * 255)


def inked(colour: Rgb) -> Rgb:
    """Return the colour as a black-and-white comic prints it: paper, light grey, or solid ink."""
    light = luminance(colour)
    grey = 45 if light < 0.2 else round(255 * min(1, 0.78 + 0.3 * light))
    return grey, grey, grey
