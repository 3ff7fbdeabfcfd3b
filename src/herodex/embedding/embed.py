"""Stage `embed_images`: the features of every readable image, from the frozen backbone."""

import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from herodex import paths
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import read_clean, read_manifest
from herodex.embedding.feature_cache import look_up, open_cache, store, view_key
from herodex.inference.features import (
    features_of,
    load_embedder,
    looking,
    parts_of,
    pool,
    views_of,
)
from herodex.inference.openvino_runtime import resolve_precision
from herodex.inference.views import MIDDLE, View
from herodex.params import EmbedParams, load_params
from herodex.progress import track

log = logging.getLogger(__name__)


def batches(
    files: list[str], size: int, read: Callable[[str], np.ndarray] = read_clean
) -> Iterator[list[np.ndarray]]:
    """Read normalised images in batches of `size`, the next batch while the last one is used."""
    starts = range(0, len(files), size)
    with ThreadPoolExecutor() as pool:
        reading = pool.map(read, files[:size])
        for start in starts:
            batch = list(reading)
            reading = pool.map(read, files[start + size : start + 2 * size])
            yield batch


def run_on_all(
    network: Callable[[list[np.ndarray]], np.ndarray], files: list[str], size: int, label: str
) -> np.ndarray:
    """Run `network` on normalised images, `size` at a time, and show under `label` how far it is.

    Args:
        network: from uint8 RGB images [h, w, 3] to an array [images, …].
        files: the images' names in the manifest.
        size: images a batch.
        label: what the work is called.

    Returns:
        what `network` gave for each of `files`, in their order.
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
    read: Callable[[str], np.ndarray] = read_clean,
) -> tuple[np.ndarray, list[int]]:
    """Look at views of images; what was looked at before, in whatever run, comes from the cache.

    Args:
        images: with `file` and `pixel_sha256`.
        settings: the input's size, and how many images go through the backbone at a time.
        precision: of inference, not `auto`.
        views: what to look at.
        cache_file: where it is kept.
        backbone: its folder.
        read: gives an image in normal form by its name in the manifest.

    Returns:
        float32 [images, views, values], as `pool` gives them, and the channels of the stages.
    """
    record = json.loads((backbone / "backbone.json").read_text(encoding="utf-8"))
    keys = [view_key(record["ir_sha256"], precision, settings.input_size, view) for view in views]
    with open_cache(cache_file) as cache:
        found = [look_up(cache, key, images["pixel_sha256"]) for key in keys]
        missing = images[[not all(sha256 in known for known in found) for sha256 in images["pixel_sha256"]]]
        missing = missing.drop_duplicates("pixel_sha256")
        log.info("%d of %d images are embedded, the others were before", len(missing), len(images))
        if len(missing):
            embedder = load_embedder(backbone, precision, settings)
            size, hashes = settings.batch_size, missing["pixel_sha256"].tolist()
            starts = range(0, len(missing), size)
            work = zip(starts, batches(missing["file"].tolist(), size, read), strict=True)
            for start, batch in track(work, len(starts), "embed", "batches"):
                with looking(embedder, batch, views) as maps:
                    by_view = pool(maps)
                vectors = dict(zip(hashes[start : start + size], by_view, strict=True))
                store(cache, keys, vectors)
                for place, known in enumerate(found):
                    known |= {sha256: values[place] for sha256, values in vectors.items()}
    stacked = [np.stack([known[sha256] for known in found]) for sha256 in images["pixel_sha256"]]
    return np.stack(stacked), list(record["channels"].values())


def main() -> None:
    """Write `features.npy`, a table [n] with `sha256`, sorted, and float32 columns.

    `views` [features] is what the classifier learns from. The others are of the middle alone, [channels]:
    `features`, the maximum over the last stage, by which copies and doubtful labels are found; `average`, the
    mean over it, and `stage_4`, the maximum over the stage before, with which plainer classifiers compare.
    """
    params = load_params()
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    images = manifest[manifest["phash"] != ""].drop_duplicates("sha256").sort_values("sha256")
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    wanted = views_of(settings)
    views = wanted if MIDDLE in wanted else [*wanted, MIDDLE]
    pooled, channels = pooled_views(images, settings, precision, views, paths.FEATURE_CACHE)
    middle, places = pooled[:, views.index(MIDDLE)], parts_of(channels)
    columns = {
        "features": middle[:, places[5, "max"]],
        "average": middle[:, places[5, "avg"]],
        "stage_4": middle[:, places[4, "max"]],
        "views": features_of(settings, pooled[:, : len(wanted)], channels),
    }
    write_features(paths.FEATURES, images["sha256"].tolist(), columns)


if __name__ == "__main__":
    run_command(main)
