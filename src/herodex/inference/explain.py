"""Says why an image got its answer: what it is like, and where on it the evidence lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from herodex.inference.features import Embedder, poolings_of
from herodex.inference.ood import Gallery
from herodex.inference.views import box_of

NEAREST = 3
GRID = 28
"""Rows and columns of a heat map."""


@dataclass(frozen=True)
class Neighbour:
    """An image that was learnt from; `similarity` is a cosine, from 0, nothing in common, to 1."""

    label: str
    similarity: float
    page_url: str
    title: str
    author: str
    license: str
    license_url: str
    source: str


@dataclass(frozen=True)
class HeatMap:
    """Where the evidence for `label` lies: `grid` [rows, columns] from the top, 0 (none) to 1 (most)."""

    label: str
    grid: list[list[float]]


def nearest(
    gallery: Gallery, sources: Sequence[dict[str, str]], unit: np.ndarray, count: int = NEAREST
) -> list[Neighbour]:
    """Find the images of the gallery that are nearest to one, float32 [dimensions], the nearest first."""
    cosines = gallery.units @ unit
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
        )
        for i in np.argsort(-cosines, kind="stable")[:count]
        for source in [sources[i]]
    ]


def evidence_maps(maps: Sequence[np.ndarray], embedder: Embedder, weights: np.ndarray) -> list[np.ndarray]:
    """Say what each place of each feature map adds to a logit: class-activation maps (Zhou et al. 2016).

    https://arxiv.org/abs/1512.04150. They are exact: all places of all maps together add up to the logit, but
    for a constant, because the head is linear and features are means over views. What a maximum adds lies
    where the maximum is.

    Args:
        maps: of each stage, float32 [views, rows, columns, channels].
        embedder: whose settings say which stages and which pooling are features.
        weights: what each feature adds to the logit, float32 [features].

    Returns:
        of each chosen stage, float [views, rows, columns].
    """
    settings, found, start = embedder.settings, [], 0
    for stage in settings.stages:
        values = maps[stage - 4]
        views, rows, columns, channels = values.shape
        flat = values.reshape(views, rows * columns, channels)
        added = np.zeros((views, rows * columns))
        for pooling in poolings_of(settings):
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
    maps: Sequence[np.ndarray],
    embedder: Embedder,
    weights: np.ndarray,
    label: str,
    shape: tuple[int, ...],
) -> HeatMap:
    """Lay what speaks for a label over the image.

    Args:
        maps: of each stage, float32 [views, rows, columns, channels].
        embedder: which made them.
        weights: what each feature adds to the label's logit, float32 [features].
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
            # A place's evidence is shared out among the cells that it covers.
            canvas[rows, columns] += np.asarray(spread) * (upright.size / target.size)
    smooth = np.maximum(canvas, 0)
    return HeatMap(label, (smooth / max(smooth.max(), 1e-12)).round(3).tolist())


def cells(start: float, stop: float, length: int) -> slice:
    """Say which of a heat map's rows or columns a part of a side covers, at least one; all are in pixels."""
    first = min(round(start / length * GRID), GRID - 1)
    return slice(first, max(round(stop / length * GRID), first + 1))
