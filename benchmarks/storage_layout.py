"""Time of DVC, and time and memory of reading, with images as files and in shards.

`python -m benchmarks.storage_layout WORK` draws 20,000 images of noise, stores them in either layout in
folders of WORK, and runs DVC on them in a scratch repository: `add`, `status`, `checkout` of a removed
folder, and `add` after five more images. Then a process reads 2,000 images in random order. Last, it reads a
table of 100,000 rows as CSV and as Parquet.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from herodex.command import run_command
from herodex.curation.check_downloads import store
from herodex.dataset.image_shards import CleanImage
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.params import StorageParams

IMAGES, ADDED, READ, ROWS = 20_000, 5, 2_000, 100_000
MEAN = 1_000
SIZE = (64, 128, 3)
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


def dvc(repository: Path, *arguments: str) -> float:
    """Run DVC quietly; return the seconds."""
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    return timed(lambda: subprocess.run(command, cwd=repository, env=environment, check=True))


def cached(repository: Path) -> float:
    """Return the size of DVC's cache in MB."""
    return sum(file.stat().st_size for file in (repository / ".dvc/cache").rglob("*") if file.is_file()) / 1e6


def run_dvc(repository: Path, images: list[CleanImage], storage: StorageParams) -> dict[str, float]:
    """Store images, and run DVC's commands on their folder; return seconds, and MB of the cache."""
    shutil.rmtree(repository, ignore_errors=True)
    repository.mkdir(parents=True)
    clean, found = repository / "clean", dict[str, float]()
    dvc(repository, "init", "--no-scm")
    # New search results land among the earlier ones.
    added = set(images[-ADDED:])
    ordered = sorted(images)
    earlier = [image for image in ordered if image not in added]
    found["write"] = timed(lambda: store(earlier, clean, storage))
    found["add"] = dvc(repository, "add", "clean")
    found["status"] = dvc(repository, "status")
    shutil.rmtree(clean)
    found["checkout"] = dvc(repository, "checkout")
    before = cached(repository)
    # As a stage does: DVC removes its output first.
    shutil.rmtree(clean)
    store(ordered, clean, storage)
    found["add after five images"] = dvc(repository, "add", "clean")
    found["MB added to the cache"] = cached(repository) - before
    return found


def time_tables(work: Path) -> dict[str, float]:
    """Time reading and writing a manifest of 100,000 rows as CSV, and as Parquet by pandas."""
    columns = {
        f"column_{number}": [f"value {number} of row {row}" for row in range(ROWS)] for number in range(30)
    }
    table, csv, parquet = pd.DataFrame(columns, dtype=str), work / "table.csv", work / "table.parquet"
    return {
        "write CSV": timed(lambda: write_manifest(table, csv)),
        "read CSV": timed(lambda: read_manifest(csv)),
        "write Parquet": timed(lambda: table.to_parquet(parquet)),
        "read Parquet": timed(lambda: pd.read_parquet(parquet)),
        "MB of CSV": csv.stat().st_size / 1e6,
        "MB of Parquet": parquet.stat().st_size / 1e6,
    }


def main() -> None:
    """Print a table of seconds for each layout."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    work = parser.parse_args().work.absolute()
    images = draw(work / "drawn", IMAGES)
    names = work / "names.txt"
    names.write_text("\n".join(image.name for image in images[:-ADDED]), encoding="utf-8")
    for layout, storage in LAYOUTS.items():
        found = run_dvc(work / layout, images, storage)
        sys.stdout.write(
            f"{layout}: {json.dumps({name: round(value, 1) for name, value in found.items()})}\n"
        )
        command = [sys.executable, "-c", READING, work / layout / "clean", names, str(READ)]
        sys.stdout.write(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    sys.stdout.write(f"{json.dumps({name: round(value, 2) for name, value in time_tables(work).items()})}\n")


if __name__ == "__main__":
    run_command(main)
