"""Time of DVC, and time and memory of reading, with images and features as files and in shards.

`python -m benchmarks.storage_layout WORK` draws 20,000 images of noise, stores them in either layout in
folders of WORK, and runs DVC on them in a scratch repository: `add`, `status`, `checkout` of a removed
folder, and `add` after five more images. Then a process reads 2,000 images in random order. Last, it reads a
table of 100,000 rows as CSV and as Parquet. Features are stored in both layouts too.
"""

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from herodex.command import run_command
from herodex.curation.check_downloads import store
from herodex.dataset.feature_table import write_features
from herodex.dataset.image_shards import CleanImage
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.params import StorageParams

IMAGES, ADDED, READ, ROWS = 20_000, 5, 2_000, 100_000
MEAN = 1_000
SIZE = (64, 128, 3)
FLOATS = 2_560
LAYOUTS = {"files": StorageParams(), "shards": StorageParams(layout="shards", shard_images=MEAN)}
READING = """
import random, sys, time
from pathlib import Path
from herodex.dataset.manifest import read_clean
folder, names = Path(sys.argv[1]), Path(sys.argv[2]).read_text().split()
random.seed(1)
read_clean(names[0], folder)
def peak_kb():
    # Of this program alone; `getrusage` counts the process that started it too.
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before, start = peak_kb(), time.perf_counter()
for name in random.sample(names, int(sys.argv[3])):
    read_clean(name, folder)
spent = time.perf_counter() - start
print(f"{1000 * spent / int(sys.argv[3]):.2f} ms per image, {peak_kb() - before} kB more than {before} kB")
"""


def draw(folder: Path, count: int) -> list[CleanImage]:
    """Write images of noise as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    images: list[CleanImage] = []
    for number in range(count):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        file = folder / f"{name}.png"
        if not file.exists():
            pixels = np.random.default_rng(number).integers(0, 256, SIZE, dtype=np.uint8)
            Image.fromarray(pixels).save(file, compress_level=1)
        images.append(CleanImage(f"query/{name}.png", name, file))
    return images


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def dvc(repository: Path, *arguments: str) -> list[float]:
    """Run DVC quietly; return the seconds of time and of CPU."""
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = timed(lambda: subprocess.run(command, cwd=repository, env=environment, check=True))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return [seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime]


def cached(repository: Path) -> float:
    """Return the size of DVC's cache in MB."""
    return sum(file.stat().st_size for file in (repository / ".dvc/cache").rglob("*") if file.is_file()) / 1e6


def run_dvc(
    folder: Path,
    versions: tuple[list[CleanImage], list[CleanImage]],
    write: Callable[[list[CleanImage], Path], None],
) -> dict[str, list[float]]:
    """Run DVC's commands on an output in a scratch repository; return seconds, and MB of the cache.

    Args:
        folder: of the repository.
        versions: the images of the output, then with those that are added later.
        write: writes the output of images to a path.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    output, found = folder / "output", dict[str, list[float]]()
    dvc(folder, "init", "--no-scm")
    found["write"] = [timed(lambda: write(versions[0], output))]
    found["add"] = dvc(folder, "add", "output")
    found["status"] = dvc(folder, "status")
    remove(output)
    found["checkout"] = dvc(folder, "checkout")
    before = cached(folder)
    # As before a stage: DVC removes its outputs.
    remove(output)
    write(versions[1], output)
    found["add after five images"] = dvc(folder, "add", "output")
    return found | {"MB in the cache": [before], "MB added to the cache": [cached(folder) - before]}


def remove(path: Path) -> None:
    """Remove a file or a folder."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_vectors(images: list[CleanImage], path: Path, shard_rows: int | None) -> None:
    """Write features of noise."""
    hashes = [image.sha256 for image in images]
    seeds = [int(each[:8], 16) for each in hashes]
    vectors = np.stack([np.random.default_rng(seed).random(FLOATS, np.float32) for seed in seeds])
    write_features(path, hashes, {"features": vectors}, shard_rows)


def time_tables(work: Path) -> dict[str, list[float]]:
    """Time reading and writing a manifest of 100,000 rows as CSV, and as Parquet by pandas."""
    columns = {
        f"column_{number}": [f"value {number} of row {row}" for row in range(ROWS)] for number in range(30)
    }
    table, csv, parquet = pd.DataFrame(columns, dtype=str), work / "table.csv", work / "table.parquet"
    return {
        "write CSV": [timed(lambda: write_manifest(table, csv))],
        "read CSV": [timed(lambda: read_manifest(csv))],
        "write Parquet": [timed(lambda: table.to_parquet(parquet))],
        "read Parquet": [timed(lambda: pd.read_parquet(parquet))],
        "MB of CSV": [csv.stat().st_size / 1e6],
        "MB of Parquet": [parquet.stat().st_size / 1e6],
    }


def main() -> None:
    """Print a table of seconds for each layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.absolute()
    images = draw(work / "drawn", IMAGES)
    names = work / "names.txt"
    names.write_text("\n".join(image.name for image in images[:-ADDED]), encoding="utf-8")
    # New search results land among the earlier ones.
    later, added = sorted(images), set(images[-ADDED:])
    earlier = [image for image in later if image not in added]
    for layout, storage in LAYOUTS.items():
        show(f"images, {layout}", run_dvc(work / layout, (earlier, later), partial(store, storage=storage)))
        command = [sys.executable, "-c", READING, work / layout / "output", names, str(READ)]
        sys.stdout.write(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for layout, rows in (("file", None), ("shards", MEAN)):
        write = partial(write_vectors, shard_rows=rows)
        show(f"features, {layout}", run_dvc(work / f"features-{layout}", (earlier, later), write))
    show("table", time_tables(work))


def show(name: str, figures: dict[str, list[float]]) -> None:
    """Print rounded figures."""
    texts = [f"{key} {' '.join(f'{value:.1f}' for value in values)}" for key, values in figures.items()]
    sys.stdout.write(f"{name}: {'; '.join(texts)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
