"""Time, disk and traffic of shards in a bucket alone, beside shards that DVC adds and pushes.

Start an S3 server, for example `moto_server -p 5555`, set AWS_ENDPOINT_URL and credentials, and create a
bucket. `python -m benchmarks.bucket_storage WORK s3://BUCKET` draws the 20,000 images of
`benchmarks.storage_layout`, and stores them and features of noise in either way, in scratch repositories
whose remote is in the bucket too. It times the stages' writing, `dvc add`, `dvc push`, the same after five
more images, and a clone that reads images.
"""

import argparse
import random
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.storage_layout import ADDED, FLOATS, IMAGES, MEAN, draw, dvc, remove, show, timed
from herodex import paths
from herodex.command import run_command
from herodex.dataset.bucket import delete, list_files, parse_bucket
from herodex.dataset.bucket_cache import remote_to_write
from herodex.dataset.feature_table import open_table, write_features
from herodex.dataset.image_shards import CleanImage, write_shards
from herodex.dataset.image_store import read_png
from herodex.params import load_params
from scripts.prove import change_params

SINGLE = 500
OUTPUTS = (paths.CLEAN_IMAGES, paths.FEATURES)


class Way(NamedTuple):
    """A layout, with the folder of its repository and the address of its files."""

    layout: str
    folder: Path
    bucket: str


def write(way: Way, images: list[CleanImage]) -> None:
    """Write images and features as the stages do; DVC removes outputs before a stage."""
    for output in OUTPUTS:
        if (way.folder / output).exists():
            remove(way.folder / output)
    storage = load_params(way.folder / paths.PARAMS).storage
    clean, features = (way.folder / output for output in OUTPUTS)
    remote = remote_to_write(clean, storage)
    write_shards(images, clean, storage.shard_images, remote)
    hashes = sorted(image.sha256 for image in images)

    def rows(part: slice) -> dict[str, np.ndarray]:
        seeds = [int(digits[:8], 16) for digits in hashes[part]]
        return {
            "features": np.stack([np.random.default_rng(seed).random(FLOATS, np.float32) for seed in seeds])
        }

    write_features(features, hashes, rows, storage.shard_rows, remote)


def megabytes(folder: Path) -> float:
    """Return the size of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def uploaded(way: Way) -> float:
    """Return the MB that the bucket holds for a way."""
    return sum(each.bytes for each in list_files(parse_bucket(way.bucket))) / 1e6


def measure(way: Way, images: list[CleanImage]) -> dict[str, list[float]]:
    """Store images and add some more; return seconds of time and CPU, and MB."""
    found, before = dict[str, list[float]](), 0.0
    for name, stored in (("all", images[:-ADDED]), ("five more", images)):
        found[f"{name}: write"] = [timed(partial(write, way, sorted(stored)))]
        found[f"{name}: dvc add"] = dvc(way.folder, "add", *map(str, OUTPUTS))
        found[f"{name}: dvc push"] = dvc(way.folder, "push")
        now = uploaded(way)
        found[f"{name}: MB uploaded"] = [now - before]
        before = now
    for what, folder in (
        ("outputs", "data"),
        ("DVC's cache", ".dvc/cache"),
        ("read cache", paths.BUCKET_CACHE),
    ):
        found[f"MB in {what}"] = [megabytes(way.folder / folder)]
    return found


def measure_clone(way: Way, images: list[CleanImage]) -> dict[str, list[float]]:
    """Pull into a clone with empty caches; read some images, all in order, and the features."""
    shutil.rmtree(way.folder / ".dvc/cache")
    for folder in (way.folder / paths.BUCKET_CACHE, *(way.folder / output for output in OUTPUTS)):
        shutil.rmtree(folder, ignore_errors=True)
    found = {"clone: dvc pull": dvc(way.folder, "pull")}
    names, folder = [image.name for image in sorted(images)], way.folder / paths.CLEAN_IMAGES
    chosen = random.Random(1).sample(names, SINGLE)
    seconds = timed(lambda: [read_png(name, folder) for name in chosen])
    found["clone: ms per single image"] = [1000 * seconds / SINGLE]
    found["clone: all in order"] = [timed(lambda: [read_png(name, folder, in_order=True) for name in names])]
    found["clone: open features"] = [timed(lambda: open_table(way.folder / paths.FEATURES))]
    return found


def main() -> None:
    """Print figures of both ways."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("bucket", help="s3://BUCKET; the files below benchmark/ are deleted first")
    options = parser.parse_args()
    work: Path = options.work.absolute()
    images = draw(work / "drawn", IMAGES)
    for layout in ("shards", "bucket"):
        way = Way(layout, work / layout, f"{options.bucket}/benchmark/{layout}")
        delete(parse_bucket(way.bucket), [each.name for each in list_files(parse_bucket(way.bucket))])
        shutil.rmtree(way.folder, ignore_errors=True)
        (way.folder / "data/images").mkdir(parents=True)
        shutil.copy(paths.PARAMS, way.folder)
        storage = {"layout": layout, "shard_images": MEAN, "bucket": f"{way.bucket}/shards"}
        change_params(way.folder / paths.PARAMS, {f"storage.{key}": value for key, value in storage.items()})
        dvc(way.folder, "init", "--no-scm")
        dvc(way.folder, "remote", "add", "--default", "storage", f"{way.bucket}/dvc")
        show(layout, measure(way, images) | measure_clone(way, images))
    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
