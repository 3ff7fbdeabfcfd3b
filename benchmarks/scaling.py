"""Time and memory of the curation by the number of images.

`python -m benchmarks.scaling WORK` draws 1,000, 10,000 and 100,000 images of 64 pixels in the folder WORK,
runs the steps on them, each in a process of its own, and writes `scaling.csv` and `scaling.png` beside this
script. Other sizes may follow WORK. A tenth of the images are near duplicates.

The features are not the backbone's, which takes the same time for each image and would hide the rest: each is
the centre of its class with noise, in as many numbers as ResNet50V2 has. The features file has this column
alone; the pipeline's has others beside it.
"""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from herodex import paths
from herodex.command import run_command
from herodex.curation.near_duplicates import near_hashes
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.params import load_params
from herodex.plotting import save_figure

SIZES = (1_000, 10_000, 100_000)
SIDE, COARSE = 64, 10
"""Pixels per side of the images, and of the random pixels that they are scaled up from."""
DUPLICATES = 0.1
WIDTH = 2048
CENTRE, DUPLICATE_NOISE = 0.5, 0.15
"""Weight of a class's centre in the features, and of the noise of a duplicate, relative to other noise."""
RESULTS = Path(__file__).with_suffix(".csv")


@dataclass(frozen=True)
class Step:
    """A step that is measured: a command that runs in the folder of a project."""

    name: str
    command: tuple[str, ...]


STEPS = [
    Step("duplicates by hash", ("-m", "benchmarks.scaling", "search-hashes")),
    Step("curate_images", ("-m", "herodex.curation.curate")),
    Step("report_cleaning", ("-m", "herodex.curation.report")),
    Step("split_images", ("-m", "herodex.curation.split")),
]


def origin(number: int) -> int:
    """Return the number of the image that `number` duplicates, or its own."""
    rng = random.Random(f"copy/{number}")
    earlier = rng.randrange(number) if number > 10 and rng.random() < DUPLICATES else number
    return earlier if earlier == number else origin(earlier)


def draw(number: int) -> Image.Image:
    """Draw an image of its own, or a cropped one of its origin."""
    rng = np.random.default_rng([1, origin(number)])
    coarse = Image.fromarray(rng.integers(0, 256, (COARSE, COARSE, 3), dtype=np.uint8))
    image = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if origin(number) == number:
        return image
    left, top, right, bottom = np.random.default_rng([2, number]).integers(0, 4, 4).tolist()
    return image.crop((left, top, SIDE - right, SIDE - bottom)).resize((SIDE, SIDE))


def features_of(number: int, centre: np.ndarray) -> np.ndarray:
    """Draw the features of an image around the centre of its class; negative ones become zero."""
    noise = np.random.default_rng([3, origin(number)]).standard_normal(WIDTH, np.float32)
    if origin(number) != number:
        noise += DUPLICATE_NOISE * np.random.default_rng([4, number]).standard_normal(WIDTH, np.float32)
    return np.maximum(CENTRE * centre + noise, 0)


def make_project(count: int, folder: Path) -> None:
    """Write a project of `count` images as it is before `curate_images`."""
    params = load_params()
    queries = [*params.classes, *params.distractors]
    centres = np.random.default_rng(5).standard_normal((len(queries), WIDTH), np.float32)
    clean = folder / paths.CLEAN_IMAGES
    clean.mkdir(parents=True)
    shutil.copy(paths.PARAMS, folder)
    hashes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]
    raw = np.memmap(folder / "features.raw", np.float32, "w+", shape=(count, WIDTH))
    order = sorted(range(count), key=hashes.__getitem__)
    for row, number in enumerate(order):
        raw[row] = features_of(number, centres[origin(number) % len(queries)])
    write_features(folder / paths.FEATURES, [hashes[number] for number in order], {"features": raw})
    (folder / "features.raw").unlink()
    rows: list[dict[str, str]] = []
    for number, sha256 in enumerate(hashes):
        image, query = draw(number), queries[origin(number) % len(queries)]
        image.save(clean / f"{number}.png", compress_level=1)
        row = {"query": query, "label": params.label_of(query), "status": "ok", "file": f"{number}.png"}
        row |= {"sha256": sha256, "pixel_sha256": sha256, "duplicate_group": sha256[:12], "kept": "1"}
        row |= {
            "phash": str(imagehash.phash(image)),
            "mirrored": str(imagehash.phash(ImageOps.mirror(image))),
        }
        rows.append(row | dict.fromkeys(("width", "height"), str(SIDE)))
    empty = dict.fromkeys(("dropped_for", "duplicate_of", "score"), "")
    write_manifest(pd.DataFrame(rows).assign(**empty), clean / paths.MANIFEST)


def search_hashes() -> None:
    """Search the hashes of the project in this folder for near duplicates, as `clean_images` does."""
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    hashes, mirrored = (
        np.array([int(digits, 16) for digits in manifest[column]], np.uint64)
        for column in ("phash", "mirrored")
    )
    distance = load_params().classifier.clean.near_distance
    found = [near_hashes(hashes, others, distance) for others in (hashes, mirrored)]
    sys.stderr.write(f"{sum(map(len, found))} pairs by hash\n")


def measure(step: Step, folder: Path) -> dict[str, float]:
    """Run a step in a project, and measure its process."""
    before = time.perf_counter()
    places = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, *step.command], cwd=folder, env=os.environ | {"PYTHONPATH": places}
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.stderr.write(f"{step.name} ended with {process.returncode}\n")
    return {
        "wall_s": round(time.perf_counter() - before, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": usage.ru_maxrss // 1024,
    }


def duplicates_found(folder: Path) -> str:
    """Say how many of the duplicates share the duplicate group of their origin."""
    curated = read_manifest(folder / paths.CURATED_IMAGES)
    groups = curated["duplicate_group"].tolist()
    duplicates = [number for number in range(len(groups)) if origin(number) != number]
    found = sum(groups[number] == groups[origin(number)] for number in duplicates)
    return f"{len(groups)}: {found} of {len(duplicates)} duplicates found\n"


def with_exponents(table: pd.DataFrame) -> pd.DataFrame:
    """Add the growth exponent of the CPU time since the size before: 1 if it is linear in the images."""
    logarithms = pd.DataFrame({name: np.log(table[name].astype(float)) for name in ("cpu_s", "images")})
    growth = logarithms.groupby(table["step"]).diff()
    return table.assign(exponent=(growth["cpu_s"] / growth["images"]).round(2))


def plot(table: pd.DataFrame) -> None:
    """Plot CPU seconds and peak memory by the number of images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, rows in table.groupby("step", sort=False):
        left.plot(rows["images"], rows["cpu_s"], marker="o", label=str(name))
        right.plot(rows["images"], rows["peak_mb"] / 1024, marker="o")
    sizes = np.array(sorted(table["images"].unique()))
    first = table[table["images"] == sizes[0]]["cpu_s"].max()
    left.plot(sizes, first * sizes / sizes[0], color="grey", linestyle=":", label="linear")
    left.set(xscale="log", yscale="log", xlabel="images", ylabel="CPU seconds")
    right.set(xscale="log", xlabel="images", ylabel="peak memory, GiB", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=5, fontsize="small")
    save_figure(figure, RESULTS.with_suffix(".png"))


def run_all(work: Path, sizes: Iterable[int]) -> None:
    """Make a project of each size, measure the steps on it, write the results and delete the project."""
    rows: list[dict[str, object]] = []
    for count in sizes:
        folder = work / str(count)
        make_project(count, folder)
        for step in STEPS:
            rows.append({"images": count, "step": step.name, **measure(step, folder)})
            with_exponents(pd.DataFrame(rows)).to_csv(RESULTS, index=False, lineterminator="\n")
        sys.stderr.write(duplicates_found(folder))
        shutil.rmtree(folder)
        plot(with_exponents(pd.DataFrame(rows)))
    sys.stdout.write(RESULTS.read_text(encoding="utf-8"))


def main() -> None:
    """Run everything, or one step that is no stage of the pipeline."""
    place, *sizes = sys.argv[1:]
    if place == "search-hashes":
        search_hashes()
    else:
        run_all(Path(place), map(int, sizes) if sizes else SIZES)


if __name__ == "__main__":
    run_command(main)
