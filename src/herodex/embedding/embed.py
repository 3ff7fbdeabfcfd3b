"""Stage `embed_images`: compute the features of every readable image by the frozen backbone."""

import logging
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32

from herodex import paths
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import ReadImage, read_clean, read_manifest
from herodex.embedding.embed_shards import VECTORS, Work, batches, compute, divide
from herodex.embedding.feature_cache import look_up, open_cache, store
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


def pooled_views(
    images: pd.DataFrame,
    settings: EmbedParams,
    precision: str,
    views: list[View],
    cache_file: Path,
    backbone: Path = paths.BACKBONE,
    read: ReadImage = read_clean,
    scale: ScaleParams = LOCAL,
    results: Path = paths.SHARDS / "embed",
) -> tuple[Float32[np.ndarray, "images views values"], list[int]]:
    """Compute pooled feature maps of views of images; known ones come from the cache.

    Args:
        images: with `file` and `pixel_sha256`.
        settings: the input's size and the batch size.
        precision: of inference, not `auto`.
        views: to compute.
        cache_file: of earlier results.
        backbone: its folder.
        read: reads an image; on another machine too, if the engine is Ray.
        scale: the engine.
        results: the folder of shards that are finished and not yet in the cache.

    Returns:
        the pooled vectors, and the channels of the stages.
    """
    record = read_json(backbone / "backbone.json")
    work = Work(
        backbone.absolute(),
        record["ir_sha256"],
        precision,
        settings,
        tuple(views),
        read,
        threads_per_shard(scale),
    )
    keys, hashes = work.view_keys(), list[str](images["pixel_sha256"])
    with open_cache(cache_file) as cache:
        found = [look_up(cache, key, hashes) for key in keys]
        complete = {sha256 for sha256 in hashes if all(sha256 in known for known in found)}
        log.info("%d of %d images to embed, the others are cached", len({*hashes} - complete), len({*hashes}))
        for shard in compute(divide(images, complete, work, results), work, scale):
            vectors = dict(zip(shard.hashes, np.load(shard.result / VECTORS), strict=True))
            store(cache, keys, vectors)
            shutil.rmtree(shard.result)
            for place, known in enumerate(found):
                known |= {sha256: values[place] for sha256, values in vectors.items()}
    stacked = [np.stack([known[sha256] for known in found]) for sha256 in hashes]
    return np.stack(stacked), list(record["channels"].values())


def view_columns(
    pooled: Float32[np.ndarray, "images views values"], channels: Sequence[int]
) -> dict[str, Float32[np.ndarray, "images _channels"]]:
    """Average pooled vectors over views: a column for each stage and pooling, such as `views_5_max`."""
    averages = pooled.mean(axis=1)
    return {
        f"views_{stage}_{pooling}": averages[:, place]
        for (stage, pooling), place in slices_of(channels).items()
    }


def main() -> None:
    """Write `features.npy`, a table with `sha256`, sorted, and float32 columns.

    The classifier learns from the columns of `view_columns`. The others are of the middle view alone,
    [channels]: `features`, the maximum over the last stage, finds near duplicates and label errors;
    `average`, its mean, and `stage_4`, the maximum over the stage before, serve the recipes of comparison.
    """
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    images = manifest[manifest["phash"] != ""].drop_duplicates("sha256").sort_values("sha256")
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    wanted = views_of(settings)
    views = wanted if MIDDLE in wanted else [*wanted, MIDDLE]
    read = partial(read_clean, folder=paths.CLEAN_IMAGES.absolute())
    pooled, channels = pooled_views(
        images, settings, precision, views, paths.FEATURE_CACHE, read=read, scale=params.scale
    )
    middle, places = pooled[:, views.index(MIDDLE)], slices_of(channels)
    columns = {
        "features": middle[:, places[5, "max"]],
        "average": middle[:, places[5, "avg"]],
        "stage_4": middle[:, places[4, "max"]],
        **view_columns(pooled[:, : len(wanted)], channels),
    }
    storage = params.storage
    shard_rows = storage.shard_images if storage.layout == "shards" else None
    write_features(paths.FEATURES, images["sha256"].tolist(), columns, shard_rows)
    # Shards of stopped runs with other inputs or settings.
    shutil.rmtree(paths.SHARDS / "embed", ignore_errors=True)


if __name__ == "__main__":
    run_command(main)
