"""Time and memory of the cleaning by the number of images.

`python -m benchmarks.scaling WORK` makes 1,000, 10,000 and 50,000 files in the folder WORK from the images of
the last crawl (cropped, rotated, mirrored, recoloured; a tenth are near duplicates), cleans them in separate
processes, and writes `scaling.csv` and `scaling.png` beside this script. The files are decoded, checked and
hashed. Their features are those of the original image with noise: the backbone takes the same time for each
image and would hide the rest.
"""

import csv
import io
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageOps

from herodex import paths
from herodex.command import run_command
from herodex.curation.clean import check_all, clean
from herodex.curation.curate import curate
from herodex.dataset.feature_table import read_features
from herodex.dataset.manifest import NO_HASH, read_manifest
from herodex.params import load_params
from herodex.plotting import save_figure

SIZES = (1_000, 10_000, 50_000)
SIDE = 192
DUPLICATES = 0.1
NOISE, DUPLICATE_NOISE = 0.75, 0.15
"""Length of the noise in an image's features, and of the additional noise of a duplicate, relative to it."""
RESULTS = Path(__file__).with_suffix(".csv")


def base_images() -> pd.DataFrame:
    """Read the kept images of the last run, from which all others are made."""
    manifest = read_manifest(paths.CURATED_IMAGES)
    return manifest[manifest["kept"] == "1"].reset_index(drop=True)


def parent(number: int) -> int:
    """Return the number of the image that `number` duplicates, or its own."""
    rng = random.Random(f"copy/{number}")
    return rng.randrange(number) if number > 10 and rng.random() < DUPLICATES else number


def origin(number: int) -> int:
    """Follow duplicates of duplicates to the original."""
    while (before := parent(number)) != number:
        number = before
    return number


def augment(image: Image.Image, rng: random.Random) -> Image.Image:
    """Make a different image: cropped, rotated, perhaps mirrored, recoloured."""
    share = rng.uniform(0.45, 0.75)
    width, height = round(image.width * share), round(image.height * share)
    left, top = rng.randint(0, image.width - width), rng.randint(0, image.height - height)
    part = image.crop((left, top, left + width, top + height)).resize((SIDE, SIDE))
    if rng.random() < 0.5:
        part = ImageOps.mirror(part)
    rotated = part.rotate(
        rng.uniform(-25, 25), Image.Resampling.BILINEAR, fillcolor=(rng.randint(40, 200),) * 3
    )
    gains = [rng.uniform(0.6, 1.3) for _ in range(3)]
    bands = [
        band.point([min(255, round(level * gain)) for level in range(256)])
        for band, gain in zip(rotated.split(), gains, strict=True)
    ]
    return ImageEnhance.Contrast(Image.merge("RGB", bands)).enhance(rng.uniform(0.8, 1.2))


def make_file(number: int, files: list[str], folder: Path) -> None:
    """Write image `number`: its original, augmented, as a JPEG of its own quality."""
    target = folder / f"{number}.jpg"
    if target.exists():
        return
    own = origin(number)
    with Image.open((paths.CLEAN_IMAGES / files[own % len(files)]).with_suffix(".png")) as image:
        made = augment(image.convert("RGB"), random.Random(f"augment/{own}"))
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=random.Random(f"quality/{number}").randint(60, 95))
    target.write_bytes(buffer.getvalue())


def noise(seed: int, length: float, size: int) -> np.ndarray:
    """Draw normal noise whose components have the standard deviation `length`."""
    return length * np.random.default_rng(seed).standard_normal(size, np.float32)


def features_of(base: pd.DataFrame, hashes: list[str]) -> dict[str, np.ndarray]:
    """Make the features of the images: those of the base image with noise."""
    known = read_features(paths.FEATURES)
    made: dict[str, np.ndarray] = {}
    for number, sha256 in enumerate(hashes):
        own = origin(number)
        vector = known[base["sha256"].iloc[own % len(base)]]
        length = float(np.linalg.norm(vector)) / len(vector) ** 0.5
        made[sha256] = vector + noise(own, NOISE * length, len(vector))
        if own != number:
            made[sha256] += noise(number, DUPLICATE_NOISE * length, len(vector))
    return made


def measure(count: int, work: Path) -> None:
    """Clean `count` images and print one line of CSV per step."""
    params = load_params()
    base = base_images()
    writer = csv.writer(sys.stdout, lineterminator="\n")

    @contextmanager
    def step(name: str) -> Generator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        seconds = (
            f"{now - before:.2f}" for now, before in ((time.perf_counter(), wall), (time.process_time(), cpu))
        )
        writer.writerow([count, name, *seconds, peak])
        sys.stdout.flush()

    files = [f"{number}.jpg" for number in range(count)]
    normal = work / "clean"
    with step("decode, check, hash"):
        checks = check_all(files, work / "raw", normal, params.classifier.clean)
    queries = [base["query"].iloc[origin(number) % len(base)] for number in range(count)]
    manifest = pd.DataFrame(
        {"query": queries, "file": files, "sha256": [check.pixel_sha256 for check in checks]}
    )
    manifest = manifest.assign(status="ok", label=[params.label_of(query) for query in queries])

    def read(file: str) -> np.ndarray:
        return np.asarray(Image.open((normal / file).with_suffix(".png")))

    with step("duplicates by hash"):
        cleaned = clean(manifest, checks, params.classifier.clean, read)

    features = features_of(base, list(manifest["sha256"]))
    readable = cleaned["phash"] != NO_HASH
    features = {sha256: features[sha256] for sha256 in cleaned["sha256"][readable]}
    with step("duplicates and labels by features"):
        curated = curate(cleaned, features, {}, params, read=read)
    family = pd.Series([origin(number) for number in range(count)])
    duplicate = family != family.index
    together = curated.groupby([family, "duplicate_group"])["duplicate_group"].transform("size") > 1
    shutil.rmtree(normal)
    sys.stderr.write(
        f"{count}: {int((duplicate & together).sum())} of {int(duplicate.sum())} duplicates found\n"
    )


def plot(table: pd.DataFrame) -> None:
    """Plot CPU seconds and peak memory by the number of images."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, rows in table.groupby("step", sort=False):
        left.plot(rows["images"], rows["cpu_s"], marker="o", label=str(name))
    sizes = np.array(sorted(table["images"].unique()))
    first = table[table["images"] == sizes[0]]["cpu_s"].max()
    left.plot(sizes, first * sizes / sizes[0], color="grey", linestyle=":", label="linear")
    left.set(xscale="log", yscale="log", xlabel="images", ylabel="CPU seconds")
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    peaks = table.groupby("images")["peak_mb"].max()
    right.plot(peaks.index, peaks / 1024, marker="o")
    right.set(xscale="log", xlabel="images", ylabel="peak memory, GiB", ylim=(0, None))
    save_figure(figure, RESULTS.with_suffix(".png"))


def main() -> None:
    """Make the images, measure each size, and write the results."""
    work = Path(sys.argv[1])
    if len(sys.argv) > 2:
        measure(int(sys.argv[2]), work)
        return
    (work / "raw").mkdir(parents=True, exist_ok=True)
    files = list(base_images()["file"])
    rows = []
    for count in SIZES:
        with ProcessPoolExecutor() as pool:
            list(pool.map(partial(make_file, files=files, folder=work / "raw"), range(count), chunksize=200))
        argument = [sys.executable, "-m", "benchmarks.scaling", str(work), str(count)]
        done = subprocess.run(argument, stdout=subprocess.PIPE, text=True, check=True)
        rows += list(csv.reader(done.stdout.splitlines()))
        table = pd.DataFrame(rows, columns=["images", "step", "wall_s", "cpu_s", "peak_mb"])
        table = table.astype({"images": int, "wall_s": float, "cpu_s": float, "peak_mb": int})
        table.to_csv(RESULTS, index=False, lineterminator="\n")
        plot(table)
    sys.stdout.write(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    run_command(main)
