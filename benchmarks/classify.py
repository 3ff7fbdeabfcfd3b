"""Speed of `herodex classify`, against the service over HTTP and against Keras's `predict`.

`python -m benchmarks.classify FOLDER` takes images of a folder in rounds; in each, all ways answer the same
images in turn, so that other load affects all of them. The CPU time, of this process and all that it has
started, depends less on other load than the rate. All ways decode the images first. Keras decodes in this
process, answers a quarter of the images, and runs with random weights, which take as long as trained ones; it
computes the maps of the views alone, without head and OOD score.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx
import numpy as np
import psutil

import herodex
from benchmarks.served_project import ROOT, lay_out, served
from benchmarks.table import cpu_name
from herodex.command import run_command
from herodex.embedding.backbone import build
from herodex.inference.features import views_of
from herodex.inference.image_decoding import normalise, open_image
from herodex.inference.views import to_input
from herodex.local.image_files import find_files
from herodex.local.models import Models
from herodex.serving.decoder import FORMATS

CLIENTS = 4
"""Requests at a time; the service's workers decode and classify four images at once."""

KERAS = "Keras predict"

Answer = Callable[[Sequence[Path]], object]


def with_models(models: Models, threads: int) -> Answer:
    """Answer images as `herodex classify` does."""
    return lambda files: list(models.classify_files(files, threads))


def over_http(client: httpx.Client, pool: ThreadPoolExecutor) -> Answer:
    """Answer images by the service; some have formats that it refuses as `herodex classify` does."""

    def post(file: Path) -> int:
        return client.post("/api/classify", files={"image": ("x", file.read_bytes())}).status_code

    return lambda files: list(pool.map(post, files))


def with_keras(models: Models) -> Answer:
    """Compute the backbone's maps of the same views by Keras, in batches of the settings."""
    settings = models.classifier.embedder.settings
    network, views = build("ResNet50", pretrained=False), views_of(settings)
    limit = int(models.params.classifier.clean.max_pixels_mp * 1e6)

    def answer(files: Sequence[Path]) -> None:
        images = [
            normalise(open_image(file.read_bytes(), limit, FORMATS), models.classifier.max_side)
            for file in files
        ]
        side = settings.input_size
        inputs = np.stack([to_input(image, view, side) for image in images for view in views])
        batch = settings.batch_size * len(views)
        network.predict(inputs.astype(np.float32), batch_size=batch, verbose=cast(Any, 0))

    return answer


class Speed(NamedTuple):
    """Images per second, and CPU seconds per image."""

    rate: float
    cpu_s: float


def measure(answer: Answer, files: Sequence[Path]) -> Speed:
    """Measure one way of answering images."""
    began, used = time.perf_counter(), cpu_seconds()
    answer(files)
    seconds = time.perf_counter() - began
    return Speed(len(files) / seconds, (cpu_seconds() - used) / len(files))


def cpu_seconds() -> float:
    """Return the CPU seconds so far of this process and its descendants."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def measure_all(ways: dict[str, Answer], files: Sequence[Path], rounds: int) -> dict[str, list[Speed]]:
    """Measure each way in each round; every image belongs to one round."""
    found: dict[str, list[Speed]] = {name: [] for name in ways}
    for number in range(rounds):
        part = files[number::rounds]
        for name, answer in ways.items():
            found[name].append(measure(answer, part[::4] if name == KERAS else part))
        shown = ", ".join(f"{name} {speeds[-1].rate:.1f}/s" for name, speeds in found.items())
        sys.stdout.write(f"round {number + 1} of {rounds}, {len(part)} images: {shown}\n")
        sys.stdout.flush()
    return found


def describe(found: dict[str, list[Speed]], images: int) -> str:
    """Format the medians of each way, and the ratios of the first way to the others within rounds."""
    (first, reference), *others = found.items()
    lines = [f"n = {images} images in {len(reference)} rounds, {cpu_name()}"]
    for name, speeds in found.items():
        rate = statistics.median(speed.rate for speed in speeds)
        cpu = statistics.median(speed.cpu_s for speed in speeds)
        lines.append(f"{name}: median {rate:.1f} images per second, {1000 * cpu:.0f} ms of CPU per image")
    for name, speeds in others:
        pairs = list(zip(reference, speeds, strict=True))
        faster = spread([ours.rate / theirs.rate for ours, theirs in pairs])
        cheaper = spread([theirs.cpu_s / ours.cpu_s for ours, theirs in pairs])
        lines.append(f"{first} against {name}: {faster} as fast, {cheaper} less CPU")
    return "\n".join(lines) + "\n"


def spread(ratios: list[float]) -> str:
    """Format the median, the least and the greatest of ratios."""
    return f"{statistics.median(ratios):.1f}x ({min(ratios):.1f}-{max(ratios):.1f})"


def main() -> None:
    """Run all ways in rounds and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of images")
    parser.add_argument("--images", type=int, default=1000, help="number of images, spread over the folder")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    every = find_files([options.folder]).files
    files = [every[int(place)] for place in np.linspace(0, len(every) - 1, min(options.images, len(every)))]
    models = herodex.load(ROOT / "models")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(CLIENTS) as pool:
        folder = lay_out(Path(name, "project"), ROOT / "service.py", quote_urls=[], requests_per_minute=0)
        with served(folder) as running, httpx.Client(base_url=running.url, timeout=600) as client:
            ways = {
                "herodex classify": with_models(models, 2),
                "one image at a time": with_models(models, 1),
                "the service over HTTP": over_http(client, pool),
                KERAS: with_keras(models),
            }
            for answer in ways.values():
                answer(files[:4])
            sys.stdout.write(describe(measure_all(ways, files, options.rounds), len(files)))


if __name__ == "__main__":
    run_command(main)
