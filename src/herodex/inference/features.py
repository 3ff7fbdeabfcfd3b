"""Images to features: views of them through the frozen backbone, run by OpenVINO."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from herodex.inference.openvino_runtime import Network, compile_network, running
from herodex.inference.views import View, to_input
from herodex.params import EmbedParams

STAGES = ("stage_4", "stage_5")
"""The backbone's outputs: the feature maps of its last two stages."""


@dataclass(frozen=True)
class Embedder:
    """A compiled backbone, and what of its feature maps becomes features."""

    network: Network
    settings: EmbedParams

    @property
    def views(self) -> list[View]:
        """What the features are the mean of."""
        return views_of(self.settings)


def views_of(settings: EmbedParams) -> list[View]:
    """List the views that the params name, each as it is and, if they say so, mirrored."""
    mirrored = (False, True) if settings.mirror else (False,)
    return [View(name, flag) for name in settings.views for flag in mirrored]


def load_embedder(directory: Path, precision: str, settings: EmbedParams) -> Embedder:
    """Load `backbone.xml` from `directory`, for square inputs of as many pixels as the settings say."""
    shape = [-1, settings.input_size, settings.input_size, 3]
    return Embedder(compile_network(directory / "backbone.xml", precision, shape), settings)


@contextmanager
def looking(
    embedder: Embedder, images: Sequence[np.ndarray], views: Sequence[View]
) -> Iterator[list[np.ndarray]]:
    """Run the backbone on views of uint8 RGB images [h, w, 3] of any size, and lend its feature maps.

    Of each of `STAGES` it is float32 [images, views, rows, columns, channels], until the context ends.
    """
    side = embedder.settings.input_size
    inputs = np.stack([to_input(image, view, side) for image in images for view in views])
    with running(embedder.network, inputs) as maps:
        yield [maps[name].reshape(len(images), len(views), *maps[name].shape[1:]) for name in STAGES]


def pool(maps: list[np.ndarray]) -> np.ndarray:
    """Pool feature maps in every way that the params can ask for.

    Returns:
        float32 [images, views, values]: of each stage the greatest value of each channel, then the means.
    """
    return np.concatenate([pooled for values in maps for pooled in _both_ways(values)], axis=-1)


def _both_ways(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values.max(axis=(-3, -2)), values.mean(axis=(-3, -2))


def parts_of(channels: Sequence[int]) -> dict[tuple[int, str], slice]:
    """Say where in a pooled vector each stage's `max` and `avg` lie, by the channels of the stages."""
    places: dict[tuple[int, str], slice] = {}
    start = 0
    for stage, count in zip((4, 5), channels, strict=True):
        for pooling in ("max", "avg"):
            places[stage, pooling] = slice(start, start + count)
            start += count
    return places


def poolings_of(settings: EmbedParams) -> tuple[str, ...]:
    """List the ways of pooling that the params ask for, in the order of the features."""
    return ("max", "avg") if settings.pooling == "both" else (settings.pooling,)


def chosen_parts(settings: EmbedParams, channels: Sequence[int]) -> np.ndarray:
    """Say which values of a pooled vector are features, int [features], as the params choose them."""
    places = parts_of(channels)
    chosen = [places[stage, pooling] for stage in settings.stages for pooling in poolings_of(settings)]
    return np.concatenate([np.arange(place.start, place.stop) for place in chosen])


def channels_of(maps: Sequence[np.ndarray]) -> list[int]:
    """The channels of each stage."""
    return [values.shape[-1] for values in maps]


def features_of(settings: EmbedParams, pooled: np.ndarray, channels: Sequence[int]) -> np.ndarray:
    """Make features of pooled vectors [images, views, values]: the chosen values' mean over views."""
    return pooled[..., chosen_parts(settings, channels)].mean(axis=1)


def embed(embedder: Embedder, images: Sequence[np.ndarray]) -> np.ndarray:
    """Compute the features of uint8 RGB images [h, w, 3] of any size, float32 [images, features]."""
    with looking(embedder, images, embedder.views) as maps:
        return features_of(embedder.settings, pool(maps), channels_of(maps))
