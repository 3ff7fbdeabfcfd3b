"""Explanations of an answer: the most similar training images, and a heat map of the evidence."""

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from PIL import Image

from herodex.inference.features import Embedder
from herodex.inference.ood import Gallery
from herodex.inference.views import box_of

NEAREST = 3
GRID = 28
"""Rows and columns of a heat map."""

ImageMaps = Float32[np.ndarray, "views _rows _columns _channels"]
"""Feature maps of one stage for each view of one image."""


@dataclass(frozen=True)
class Neighbour:
    """A training image with its source.

    `similarity` is a cosine, clipped to 0 and 1. `thumbnail` is the address of a small version of the image,
    relative to the page, or empty.
    """

    label: str
    similarity: float
    page_url: str
    title: str
    author: str
    license: str
    license_url: str
    source: str
    thumbnail: str = ""


@dataclass(frozen=True)
class HeatMap:
    """The evidence for `label`: `grid` in rows from the top, from 0 (none) to 1 (most)."""

    label: str
    grid: list[list[float]]


def nearest(
    gallery: Gallery,
    sources: Sequence[dict[str, str]],
    vector: Float32[np.ndarray, " dimensions"],
    count: int = NEAREST,
    thumbnails: Container[str] = (),
) -> list[Neighbour]:
    """Find the training images most similar to an image, the nearest first.

    Args:
        gallery: the training images.
        sources: where each is from.
        vector: the image's whitened features.
        count: how many to return.
        thumbnails: the SHA-256 of the images that have one.
    """
    cosines = gallery.searched @ vector
    order: list[int] = np.argsort(-cosines, kind="stable")[:count].tolist()
    return [
        Neighbour(
            label=source["shows"],
            similarity=float(np.clip(cosines[i], 0, 1)),
            page_url=source["page_url"],
            title=source["title"],
            author=source["author"],
            license=source["license"],
            license_url=source["license_url"],
            source=source["source"],
            thumbnail=f"neighbours/{source['sha256']}.webp" if source["sha256"] in thumbnails else "",
        )
        for i in order
        for source in [sources[i]]
    ]


def evidence_maps(
    maps: Sequence[ImageMaps], embedder: Embedder, weights: Float32[np.ndarray, " features"]
) -> list[Float[np.ndarray, "views _rows _columns"]]:
    """Compute how much each place of each feature map adds to a logit.

    These are class activation maps (Zhou et al. 2016, https://arxiv.org/abs/1512.04150). They are exact: all
    places of all maps add up to the logit, up to a constant, because the head is linear and features are
    means over views. A maximum's contribution lies at the maximum.

    Args:
        maps: of each stage.
        embedder: its settings say which stages and poolings are features.
        weights: the logit's weight for each feature.

    Returns:
        a map for each chosen stage.
    """
    settings, found, start = embedder.settings, list[np.ndarray](), 0
    for stage in settings.stages:
        values = maps[stage - 4]
        views, rows, columns, channels = values.shape
        flat = values.reshape(views, rows * columns, channels)
        added = np.zeros((views, rows * columns))
        for pooling in settings.poolings:
            of_channel = weights[start : start + channels].astype(np.float64) / views
            start += channels
            if pooling == "max":
                for view, where in enumerate(flat.argmax(axis=1)):
                    np.add.at(added[view], where, flat[view].max(axis=0) * of_channel)
            else:
                added += flat @ of_channel / (rows * columns)
        found.append(added.reshape(views, rows, columns))
    return found


def heat_map(
    maps: Sequence[ImageMaps],
    embedder: Embedder,
    weights: Float32[np.ndarray, " features"],
    label: str,
    shape: tuple[int, ...],
) -> HeatMap:
    """Lay the evidence for a label over the image.

    Args:
        maps: of each stage.
        embedder: made the maps.
        weights: the label's weight for each feature.
        label: the label.
        shape: height and width of the image in pixels.
    """
    height, width = shape
    canvas = np.zeros((GRID, GRID))
    for added in evidence_maps(maps, embedder, weights):
        for view, values in zip(embedder.views, added, strict=True):
            upright = values[:, ::-1] if view.mirrored else values
            left, top, right, bottom = box_of(view.name, width, height)
            columns, rows = cells(left, right, width), cells(top, bottom, height)
            target = canvas[rows, columns]
            spread = Image.fromarray(upright.astype(np.float32)).resize(
                (target.shape[1], target.shape[0]), Image.Resampling.BILINEAR
            )
            # A place's evidence is shared among the cells that it covers.
            canvas[rows, columns] += np.asarray(spread) * (upright.size / target.size)
    positive = np.maximum(canvas, 0)
    return HeatMap(label, (positive / max(positive.max(), 1e-12)).round(3).tolist())


def cells(start: float, stop: float, length: int) -> slice:
    """Locate a part of a side, in pixels, among a heat map's rows or columns; it covers at least one."""
    first = min(round(start / length * GRID), GRID - 1)
    return slice(first, max(round(stop / length * GRID), first + 1))
