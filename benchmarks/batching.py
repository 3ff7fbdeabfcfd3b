"""Whether the classifier is faster for several images at once than for one after the other.

`python -m benchmarks.batching` prints milliseconds an image for batches of 1 to 16, and for two threads that
each run one image at a time, which is what the service does.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.served_project import ROOT
from herodex.command import run_command
from herodex.inference.predict import Classifier, load_classifier
from herodex.params import load_params

ROUNDS = 5
IMAGES = 32
BATCHES = (1, 2, 4, 8, 16)
THREADS = 2


def ms_an_image(classifier: Classifier, images: list[np.ndarray], batch: int, threads: int) -> float:
    """Classify all images in batches; milliseconds for each."""
    batches = [images[start : start + batch] for start in range(0, len(images), batch)]
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(classifier.probabilities, batches))
    return 1000 * (time.perf_counter() - began) / len(images)


def main() -> None:
    """Measure every way in turn, several times over."""
    classifier = load_classifier(ROOT / "models", load_params().backbone.precision)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (300, 300, 3), dtype=np.uint8) for _ in range(IMAGES)]
    ways = [(batch, 1) for batch in BATCHES] + [(1, THREADS)]
    classifier.probabilities(images[:1])
    took = {way: [ms_an_image(classifier, images, *way) for _ in range(ROUNDS)] for way in ways}
    for (batch, threads), times in took.items():
        spread = f"{min(times):.0f} to {max(times):.0f}"
        sys.stdout.write(
            f"batch {batch:2}, {threads} thread(s): median {np.median(times):.1f} ms an image ({spread})\n"
        )


if __name__ == "__main__":
    run_command(main)
