"""Images to features: pooled feature maps of the frozen backbone, averaged over views."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int, UInt8

from herodex.inference.openvino_runtime import Network, borrowed_outputs, compile_network
from herodex.inference.views import View, to_input
from herodex.params import EmbedParams

STAGES = ("stage_4", "stage_5")
"""The backbone's outputs: feature maps of its last two stages."""

FeatureMaps = Float32[np.ndarray, "images views _rows _columns _channels"]
"""Feature maps of one stage for each view of each image."""


@dataclass(frozen=True)
class Embedder:
    """A compiled backbone with the settings that turn its feature maps into features."""

    network: Network
    settings: EmbedParams

    @property
    def views(self) -> list[View]:
        """The views that the features are averaged over."""
        return views_of(self.settings)


def views_of(settings: EmbedParams) -> list[View]:
    """List the views that the params name, each also mirrored if the params ask for it."""
    mirrored = (False, True) if settings.mirror else (False,)
    return [View(name, flag) for name in settings.views for flag in mirrored]


def load_embedder(directory: Path, precision: str, settings: EmbedParams) -> Embedder:
    """Load `backbone.xml` from `directory` for square inputs of the settings' size."""
    shape = [-1, settings.input_size, settings.input_size, 3]
    return Embedder(compile_network(directory / "backbone.xml", precision, shape), settings)


@contextmanager
def feature_maps(
    embedder: Embedder,
    images: Sequence[UInt8[np.ndarray, "_h _w 3"]],
    views: Sequence[View],
    outputs: Sequence[str | int] = STAGES,
) -> Generator[list[FeatureMaps]]:
    """Run the backbone on views of images of any size, and lend its feature maps of each stage.

    The maps are valid until the context ends. `outputs` are the network's, by name or position.
    """
    side = embedder.settings.input_size
    inputs = np.stack([to_input(image, view, side) for image in images for view in views])
    with borrowed_outputs(embedder.network, inputs) as maps:
        yield [maps[name].reshape(len(images), len(views), *maps[name].shape[1:]) for name in outputs]


def pool(maps: Sequence[FeatureMaps]) -> Float32[np.ndarray, "images views values"]:
    """Pool feature maps in every way that the params offer: for each stage the maxima, then the means."""
    pooled = [way for values in maps for way in (values.max(axis=(-3, -2)), values.mean(axis=(-3, -2)))]
    return np.concatenate(pooled, axis=-1)


def slices_of(channels: Sequence[int]) -> dict[tuple[int, str], slice]:
    """Locate each stage's `max` and `avg` in a pooled vector, given the channels of the stages."""
    places: dict[tuple[int, str], slice] = {}
    start = 0
    for stage, count in zip((4, 5), channels, strict=True):
        for pooling in ("max", "avg"):
            places[stage, pooling] = slice(start, start + count)
            start += count
    return places


def feature_columns(settings: EmbedParams, channels: Sequence[int]) -> Int[np.ndarray, " features"]:
    """List the positions in a pooled vector that the params choose as features."""
    places = slices_of(channels)
    chosen = [places[stage, pooling] for stage in settings.stages for pooling in settings.poolings]
    return np.r_[tuple(chosen)]


def channels_of(maps: Sequence[FeatureMaps]) -> list[int]:
    """List the channels of each stage."""
    return [values.shape[-1] for values in maps]


def features_of(
    settings: EmbedParams, pooled: Float32[np.ndarray, "images views values"], channels: Sequence[int]
) -> Float32[np.ndarray, "images features"]:
    """Select the chosen values of pooled vectors and average them over views."""
    return pooled[..., feature_columns(settings, channels)].mean(axis=1)


def means_of(
    pooled: Float32[np.ndarray, "images views values"], channels: Sequence[int]
) -> Float32[np.ndarray, "images channels"]:
    """Select the means over the last stage from pooled vectors and average them over views."""
    return pooled[..., slices_of(channels)[5, "avg"]].mean(axis=1)


def embed(
    embedder: Embedder, images: Sequence[UInt8[np.ndarray, "_h _w 3"]]
) -> Float32[np.ndarray, "images features"]:
    """Compute the features of images of any size."""
    with feature_maps(embedder, images, embedder.views) as maps:
        return features_of(embedder.settings, pool(maps), channels_of(maps))
