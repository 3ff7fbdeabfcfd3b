"""Time and peak memory of training and evaluation for many images and classes, on drawn features.

Each step runs in a process of its own, so that its peak memory is its own. Features are drawn: a centre for
each class in a space of 64 dimensions, noise around it there, and noise in all features. They show cost, not
accuracy. Run `python -m benchmarks.training_scale`; `--small` leaves the largest sets out.
"""

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from herodex.classifier.examples import Examples, OodExamples, reduce_features
from herodex.classifier.linear import assign_folds, fold_count
from herodex.classifier.model_selection import Images, cross_validate, select
from herodex.classifier.ood_calibration import Method, fit_model
from herodex.classifier.recipes import fitter_for, list_recipes, weight_decays_for
from herodex.classifier.train import served_model
from herodex.evaluation.evaluate import curves, label_metrics
from herodex.evaluation.metrics import brier_score
from herodex.inference.ood import Gallery
from herodex.params import UNKNOWN, load_params

TABLE = Path("benchmarks/training_scale.csv")
FEATURES, LATENT, CHANNELS, SEED = 2048, 64, 256, 1
"""Features of the recipe `mean`, dimensions of the classes' centres, and mean-pooled channels."""
SMALL = [("train", 1_000, 20), ("train", 10_000, 20), ("evaluate", 10_000, 1_000)]
LARGE = [
    ("train", 100_000, 20),
    ("train", 10_000, 1_000),
    ("evaluate", 50_000, 1_000),
    ("compare", 20_000, 1_000),
    ("train", 50_000, 1_000),
]


def draw(folder: Path, images: int, classes: int) -> None:
    """Write drawn features to a file, a block at a time."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(size=(classes, LATENT)).astype(np.float32)
    mix = rng.normal(size=(LATENT, FEATURES)).astype(np.float32) / LATENT**0.5
    found = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (images, FEATURES))
    for start in range(0, images, 4096):
        rows = np.arange(start, min(start + 4096, images))
        latent = centres[rows % classes] + rng.normal(size=(len(rows), LATENT), scale=0.8).astype(np.float32)
        noise = rng.standard_normal((len(rows), FEATURES), dtype=np.float32)
        found[rows] = np.maximum(latent @ mix + 0.3 * noise, 0)


def prepare(folder: Path, images: int, classes: int) -> Images:
    """Read the features as a memory map, and reduce them as the stages do."""
    features = np.load(folder / "features.npy", mmap_mode="r")
    learnt, groups = np.ones(images, bool), np.arange(images).astype(str)
    reduced, components = reduce_features(features, learnt)
    means = np.array(features[:, :CHANNELS], np.float16)
    examples = OodExamples(reduced, np.arange(images) % classes, means, components=components)
    folds = fold_count(images, classes, load_params().classifier.train.folds)
    return Images(examples, assign_folds(groups.tolist(), folds), learnt, groups)


def train(folder: Path, images: int, classes: int) -> str:
    """Select the settings, fit the model and write what the service reads."""
    params, found = load_params(), prepare(folder, images, classes)
    settings, recipe = params.classifier, list_recipes(params.classifier.embed)[0]
    # The comparison of recipes has selected the weight decay.
    compared = pd.DataFrame([{"l2": 0.003, "log_loss": 0.0, "accuracy": 0.0}])
    names = [f"class {place}" for place in range(classes)]
    selection = select(found, classes, names, recipe, settings, SEED, compared)
    fit = fitter_for(recipe, settings, [selection.l2], classes, SEED)
    model = fit_model(found.examples, Method(classes, classes, fit, settings.train))
    _, (_, gallery) = served_model(model, found.examples)
    accuracy = selection.metrics["accuracy"]["value"]
    return f"accuracy {accuracy}, {len(model.head.losses)} steps, gallery {gallery_size(gallery):.0f} MiB"


def gallery_size(gallery: Gallery) -> float:
    """Compute the MiB of the training images that a worker of the service holds or maps."""
    arrays = [gallery.vectors, gallery.means, *([] if gallery.everyone is None else [gallery.everyone])]
    return sum(array.nbytes for array in arrays) / 2**20


def compare(folder: Path, images: int, classes: int) -> str:
    """Cross-validate one recipe with all weight decays."""
    params, found = load_params(), prepare(folder, images, classes)
    recipe = list_recipes(params.classifier.embed)[0]
    decays = weight_decays_for(recipe, params.classifier)
    fit = fitter_for(recipe, params.classifier, decays, classes, SEED)
    examples = Examples(found.examples.features, found.examples.labels, components=found.examples.components)
    table, best, _ = cross_validate(examples, found.fold, classes, classes, fit)
    return f"accuracy {table['accuracy'].iloc[best]}, l2 {decays[best]}"


def evaluate(folder: Path, images: int, classes: int) -> str:
    """Compute the metrics and curves of drawn answers; the folder is for the other steps."""
    rng, answers = np.random.default_rng(SEED), [*(f"class {place}" for place in range(classes)), UNKNOWN]
    actual = np.arange(images) % classes
    probabilities = rng.random((images, classes + 1)) * (1 / classes)
    probabilities[np.arange(images), actual] += rng.random(images)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    names = np.array(answers)[actual]
    found = label_metrics(names, probabilities, np.arange(images).astype(str), answers, SEED)
    roc, _ = curves(names, probabilities, answers)
    brier = brier_score(actual, probabilities)
    return f"accuracy {found['accuracy']['value']}, Brier score {brier}, {roc['label'].nunique()} curves"


STEPS = {"train": train, "compare": compare, "evaluate": evaluate}


def run_step(step: str, folder: Path, images: int, classes: int) -> dict[str, str | float]:
    """Run a step in this process, and return its cost."""
    started, before = time.perf_counter(), time.process_time()
    text = STEPS[step](folder, images, classes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "step": step,
        "images": images,
        "classes": classes,
        "features": FEATURES,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - before, 1),
        "peak_mib": round(peak),
        "found": text,
    }


def main() -> None:
    """Run the steps one after the other, and write the table after each one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="leave the largest sets out")
    parser.add_argument("--step", nargs=4, metavar=("STEP", "FOLDER", "IMAGES", "CLASSES"))
    given = parser.parse_args()
    if given.step:
        step, folder, images, classes = given.step
        row = run_step(step, Path(folder), int(images), int(classes))
        csv.DictWriter(sys.stdout, list(row)).writerow(row)
        return
    rows: list[list[str]] = [
        ["step", "images", "classes", "features", "seconds", "cpu_seconds", "peak_mib", "found"]
    ]
    for step, images, classes in [*SMALL, *([] if given.small else LARGE)]:
        with tempfile.TemporaryDirectory() as folder:
            if step != "evaluate":
                draw(Path(folder), images, classes)
            command = [sys.executable, "-m", "benchmarks.training_scale", "--step", step, folder]
            done = subprocess.run(
                [*command, str(images), str(classes)], check=True, capture_output=True, text=True
            )
        rows += csv.reader(done.stdout.splitlines())
        sys.stderr.write(f"{rows[-1]}\n")
        with TABLE.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()
