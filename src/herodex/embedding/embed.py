"""Stage `embed_images`: compute the features of every readable image by the frozen backbone."""

import logging
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from herodex import paths
from herodex.command import run_command
from herodex.dataset.bucket_cache import Remote, remote_to_write
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import ReadImage, read_clean, read_manifest
from herodex.embedding.embed_shards import VECTORS, Work, batches, compute, divide
from herodex.embedding.feature_cache import complete_images, open_cache, read_vectors, store
from herodex.inference.features import slices_of, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import MIDDLE, View
from herodex.json_record import read_json
from herodex.params import EmbedParams, ScaleParams, load_params
from herodex.progress import track
from herodex.scale.engine import LOCAL, threads_per_shard

log = logging.getLogger(__name__)


def run_on_all(
    network: Callable[[list[np.ndarray]], np.ndarray], files: Sequence[str], size: int, label: str
) -> Float[np.ndarray, "..."]:
    """Run a network on normalised images, and show its progress.

    Args:
        network: from images, uint8 RGB [h, w, 3], to an array [images, …].
        files: the images' names in the manifest.
        size: images a batch.
        label: name of the work.

    Returns:
        the results for `files`, in their order.
    """
    count = (len(files) + size - 1) // size
    results = (network(batch) for batch in batches(files, size))
    return np.concatenate(list(track(results, count, label, "batches")))


def compute_missing(
    images: pd.DataFrame, work: Work, cache: sqlite3.Connection, scale: ScaleParams, results: Path
) -> None:
    """Compute the pooled vectors that the cache lacks, and store them there, a shard at a time.

    Args:
        images: with `file` and `pixel_sha256`.
        work: the network, the settings and the views.
        cache: of earlier results.
        scale: the engine.
        results: the folder of shards that are finished and not yet in the cache.
    """
    keys, hashes = work.view_keys(), list[str](images["pixel_sha256"])
    complete = complete_images(cache, keys, hashes)
    log.info("%d of %d images to embed, the others are cached", len({*hashes} - complete), len({*hashes}))
    for shard in compute(divide(images, complete, work, results), work, scale):
        vectors = dict(zip(shard.hashes, np.load(shard.result / VECTORS), strict=True))
        store(cache, keys, vectors)
        shutil.rmtree(shard.result)


def pooled_views(
    images: pd.DataFrame,
    settings: EmbedParams,
    precision: str,
    views: list[View],
    cache_file: Path,
    backbone: Path = paths.BACKBONE,
    read: ReadImage = read_clean,
) -> tuple[Float32[np.ndarray, "images views values"], list[int]]:
    """Compute pooled feature maps of views of images; known ones come from the cache.

    It holds the vectors of all images in memory; `write_views` holds a block of them.

    Args:
        images: with `file` and `pixel_sha256`.
        settings: the input's size and the batch size.
        precision: of inference, not `auto`.
        views: to compute.
        cache_file: of earlier results.
        backbone: its folder.
        read: reads an image.

    Returns:
        the pooled vectors, and the channels of the stages.
    """
    work, channels = work_with(backbone, settings, precision, views, read)
    with open_cache(cache_file) as cache:
        compute_missing(images, work, cache, LOCAL, paths.SHARDS / "embed")
        return read_vectors(cache, work.view_keys(), list(images["pixel_sha256"])), channels


def work_with(
    backbone: Path,
    settings: EmbedParams,
    precision: str,
    views: Sequence[View],
    read: ReadImage = read_clean,
    scale: ScaleParams = LOCAL,
) -> tuple[Work, list[int]]:
    """Describe the work on all images, and return the channels of the backbone's stages."""
    record = read_json(backbone / "backbone.json")
    threads = threads_per_shard(scale)
    work = Work(backbone.absolute(), record["ir_sha256"], precision, settings, tuple(views), read, threads)
    return work, list(record["channels"].values())


def write_views(
    path: Path,
    images: pd.DataFrame,
    work: Work,
    columns_of: Callable[[Float32[np.ndarray, "block views values"]], dict[str, np.ndarray]],
    shard_rows: int | None,
    scale: ScaleParams = LOCAL,
    remote: Remote | None = None,
) -> None:
    """Compute the pooled feature maps of images, and write a feature table from them, a block at a time.

    Args:
        path: of the table.
        images: with `sha256`, in order, `file` and `pixel_sha256`.
        work: the network, the settings and the views.
        columns_of: computes the table's columns from pooled vectors.
        shard_rows: as in `write_features`.
        scale: the engine.
        remote: as in `write_features`; images are then computed in the order of their rows in the manifest.
    """
    keys, pixels = work.view_keys(), list[str](images["pixel_sha256"])
    with open_cache(paths.FEATURE_CACHE) as cache:
        in_order = images.sort_index() if remote else images
        compute_missing(in_order, work, cache, scale, paths.SHARDS / "embed")
        write_features(
            path,
            images["sha256"].tolist(),
            lambda part: columns_of(read_vectors(cache, keys, pixels[part])),
            shard_rows,
            remote,
        )


def view_columns(
    pooled: Float32[np.ndarray, "images views values"], channels: Sequence[int]
) -> dict[str, Float32[np.ndarray, "images _channels"]]:
    """Average pooled vectors over views: a column for each stage and pooling, such as `views_5_max`."""
    averages = pooled.mean(axis=1)
    return {
        f"views_{stage}_{pooling}": averages[:, place]
        for (stage, pooling), place in slices_of(channels).items()
    }


def all_columns(
    pooled: Float32[np.ndarray, "images views values"], channels: Sequence[int], middle: int, wanted: int
) -> dict[str, Float32[np.ndarray, "images _channels"]]:
    """Compute the columns of the feature table.

    The classifier learns from the columns of `view_columns`. The others are of the middle view alone:
    `features`, the maximum over the last stage, finds near duplicates and label errors; `average`, its mean,
    and `stage_4`, the maximum over the stage before, serve the recipes of comparison.

    Args:
        pooled: vectors of the images.
        channels: of the backbone's stages.
        middle: the place of the middle view.
        wanted: the number of views that the classifier uses, which are the first ones.
    """
    alone, places = pooled[:, middle], slices_of(channels)
    return {
        "features": alone[:, places[5, "max"]],
        "average": alone[:, places[5, "avg"]],
        "stage_4": alone[:, places[4, "max"]],
        **view_columns(pooled[:, :wanted], channels),
    }


def main() -> None:
    """Write `features.npy`, a table with `sha256`, sorted, and float32 columns."""
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    images = manifest[manifest["phash"] != ""].drop_duplicates("sha256").sort_values("sha256")
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    wanted = views_of(settings)
    views = wanted if MIDDLE in wanted else [*wanted, MIDDLE]
    remote = remote_to_write(paths.FEATURES, params.storage)
    read = partial(read_clean, folder=paths.CLEAN_IMAGES.absolute(), in_order=remote is not None)
    work, channels = work_with(paths.BACKBONE, settings, precision, views, read, params.scale)
    columns_of = partial(all_columns, channels=channels, middle=views.index(MIDDLE), wanted=len(wanted))
    write_views(paths.FEATURES, images, work, columns_of, params.storage.shard_rows, params.scale, remote)
    # Shards of stopped runs with other inputs or settings.
    shutil.rmtree(paths.SHARDS / "embed", ignore_errors=True)


if __name__ == "__main__":
    run_command(main)
