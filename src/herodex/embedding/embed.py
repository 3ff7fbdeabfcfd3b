"""Stage `embed_images`: compute the features of every readable image by the frozen backbone."""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Float32, UInt8

from herodex import paths
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import ReadImage, read_clean, read_manifest
from herodex.embedding.feature_cache import look_up, open_cache, store, view_key
from herodex.inference.features import feature_maps, load_embedder, pool, slices_of, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import MIDDLE, View
from herodex.json_record import read_json
from herodex.params import EmbedParams, load_params
from herodex.progress import track

log = logging.getLogger(__name__)


def batches(
    files: Sequence[str], size: int, read: ReadImage = read_clean
) -> Iterator[list[UInt8[np.ndarray, "_h _w 3"]]]:
    """Read normalised images in batches, the next batch while the current one is processed."""
    starts = range(0, len(files), size)
    with ThreadPoolExecutor() as pool:
        reading = pool.map(read, files[:size])
        for start in starts:
            batch = list(reading)
            reading = pool.map(read, files[start + size : start + 2 * size])
            yield batch


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
) -> tuple[Float32[np.ndarray, "images views values"], list[int]]:
    """Compute pooled feature maps of views of images; known ones come from the cache.

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
    record = read_json(backbone / "backbone.json")
    keys = [view_key(record["ir_sha256"], precision, settings.input_size, view) for view in views]
    hashes: list[str] = images["pixel_sha256"].tolist()
    with open_cache(cache_file) as cache:
        found = [look_up(cache, key, hashes) for key in keys]
        missing = images[[not all(sha256 in known for known in found) for sha256 in hashes]]
        missing = missing.drop_duplicates("pixel_sha256")
        log.info("%d of %d images to embed, the others are cached", len(missing), len(images))
        if len(missing):
            embedder = load_embedder(backbone, precision, settings)
            size, new = settings.batch_size, missing["pixel_sha256"].tolist()
            starts = range(0, len(missing), size)
            work = zip(starts, batches(missing["file"].tolist(), size, read), strict=True)
            for start, batch in track(work, len(starts), "embed", "batches"):
                with feature_maps(embedder, batch, views) as maps:
                    by_view = pool(maps)
                vectors = dict(zip(new[start : start + size], by_view, strict=True))
                store(cache, keys, vectors)
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
    pooled, channels = pooled_views(images, settings, precision, views, paths.FEATURE_CACHE)
    middle, places = pooled[:, views.index(MIDDLE)], slices_of(channels)
    columns = {
        "features": middle[:, places[5, "max"]],
        "average": middle[:, places[5, "avg"]],
        "stage_4": middle[:, places[4, "max"]],
        **view_columns(pooled[:, : len(wanted)], channels),
    }
    write_features(paths.FEATURES, images["sha256"].tolist(), columns)


if __name__ == "__main__":
    run_command(main)
