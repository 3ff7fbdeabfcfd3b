"""Time and memory of preparing images, by their number.

`python -m benchmarks.scaling WORK` draws 1,000, 10,000 and 100,000 images of 64 pixels in the folder WORK,
runs the stages on them with images and features in shards, each in a process of its own, and writes
`scaling.csv` and `scaling.png` beside this script. Other sizes may follow WORK. A tenth of the images are
near duplicates.

The backbone takes the same time for each image and would hide the rest, so `embed_images` runs a small
network with outputs as large as ResNet50's, on one view per image. Its features tell nothing; the next stages
get others: the centre of a class with noise, in a table with this column alone.
"""

import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset14 as opset
import pandas as pd
import yaml
from PIL import Image

from herodex import paths
from herodex.command import run_command
from herodex.dataset.feature_table import write_features
from herodex.dataset.manifest import read_manifest, write_manifest
from herodex.params import load_params
from herodex.plotting import save_figure

SIZES = (1_000, 10_000, 100_000)
SIDE, COARSE = 64, 16
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
    Step("clean_images", ("-m", "herodex.curation.clean")),
    Step("embed_images", ("-m", "herodex.embedding.embed")),
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
    """Write a project of `count` images as the crawl leaves it, with a small network as its backbone."""
    params = load_params()
    queries = [*params.classes, *params.distractors]
    raw = folder / paths.RAW_IMAGES
    settings = yaml.safe_load(paths.PARAMS.read_text(encoding="utf-8"))
    settings["storage"] = {"layout": "shards", "shard_images": 2048}
    settings["classifier"]["embed"] |= {"views": ["middle"], "mirror": False}
    raw.mkdir(parents=True)
    (folder / paths.PARAMS).write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    rows: list[dict[str, str]] = []
    for number in range(count):
        encoded = io.BytesIO()
        draw(number).save(encoded, "PNG", compress_level=1)
        query = queries[origin(number) % len(queries)]
        (raw / f"{number}.png").write_bytes(encoded.getvalue())
        sha256 = hashlib.sha256(encoded.getvalue()).hexdigest()
        row = {"query": query, "label": params.label_of(query), "status": "ok", "file": f"{number}.png"}
        rows.append(row | {"sha256": sha256})
    write_manifest(pd.DataFrame(rows), raw / paths.MANIFEST)
    write_backbone(folder / paths.BACKBONE)


def write_backbone(folder: Path) -> None:
    """Write a network of one layer per stage, with inputs and outputs like those of ResNet50."""
    rng = np.random.default_rng(6)
    rgb = opset.parameter([-1, -1, -1, 3], np.float32, "rgb")
    planes = opset.transpose(rgb, np.array([0, 3, 1, 2]))
    results = list[ov.Node]()
    for name, cells, channels in (("stage_4", 14, 1024), ("stage_5", 7, WIDTH)):
        means = opset.adaptive_avg_pool(planes, np.array([cells, cells]))
        kernel = rng.standard_normal((channels, 3, 1, 1)).astype(np.float32)
        mapped = opset.relu(opset.convolution(means, kernel, [1, 1], [0, 0], [0, 0], [1, 1]))
        result = opset.transpose(mapped, np.array([0, 2, 3, 1]))
        result.output(0).set_names({name})
        results.append(result)
    folder.mkdir(parents=True)
    ov.save_model(ov.Model(results, [rgb]), folder / "backbone.xml", compress_to_fp16=False)  # pyright: ignore[reportGeneralTypeIssues]
    record = {"ir_sha256": "of the benchmark", "channels": {"stage_4": 1024, "stage_5": WIDTH}}
    (folder / "backbone.json").write_text(json.dumps(record), encoding="utf-8")


def replace_features(folder: Path) -> None:
    """Replace the features of the small network by drawn ones."""
    numbers = {
        row["sha256"]: int(Path(row["file"]).stem)
        for row in read_manifest(folder / paths.CLEAN_IMAGES / paths.MANIFEST).to_dict("records")
    }
    params = load_params()
    queries = len(params.classes) + len(params.distractors)
    centres = np.random.default_rng(5).standard_normal((queries, WIDTH), np.float32)
    hashes = sorted(numbers)

    def rows(part: slice) -> dict[str, np.ndarray]:
        drawn = (numbers[sha256] for sha256 in hashes[part])
        return {"features": np.stack([features_of(one, centres[origin(one) % queries]) for one in drawn])}

    write_features(folder / paths.FEATURES, hashes, rows, 2048)


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
    from matplotlib.ticker import StrMethodFormatter

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
    # Plots of Herodex leave mathematical text off, so powers of ten would stand as code.
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
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
            if step.name == "embed_images":
                replace_features(folder)
            with_exponents(pd.DataFrame(rows)).to_csv(RESULTS, index=False, lineterminator="\n")
        sys.stderr.write(duplicates_found(folder))
        shutil.rmtree(folder)
        plot(with_exponents(pd.DataFrame(rows)))
    sys.stdout.write(RESULTS.read_text(encoding="utf-8"))


def main() -> None:
    """Run everything."""
    place, *sizes = sys.argv[1:]
    run_all(Path(place), map(int, sizes) if sizes else SIZES)


if __name__ == "__main__":
    run_command(main)
