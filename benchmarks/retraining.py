"""Cost of retraining the head after a change of params, relative to embedding its images."""

import sys
import time

import numpy as np

from benchmarks.bench_record import note
from herodex import paths
from herodex.classifier.model_selection import select
from herodex.classifier.ood_calibration import Method, fit_model
from herodex.classifier.recipes import fitter_for
from herodex.classifier.train import read_images, recipe_to_follow
from herodex.command import run_command
from herodex.dataset.manifest import SET_ASIDE, read_manifest
from herodex.embedding.embed import batches, pooled_views
from herodex.inference.features import embed, load_embedder, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.params import Params, load_params

ROUNDS = 3
IMAGES = 64
"""Images that are embedded; the time per image does not depend on their number."""


def retrain(params: Params) -> float:
    """Repeat the computation of `train_classifier`; return its CPU seconds over all cores."""
    manifest = read_manifest(paths.SPLIT_IMAGES)
    rows = manifest[manifest["part"].isin(["train", "validation", SET_ASIDE])]
    (recipe, _), settings = recipe_to_follow(params, tuned=False), params.classifier
    started = time.process_time()
    labels, images = read_images(rows, recipe, False, params)
    selection = select(images, len(params.classes), labels, recipe, settings, params.seed)
    fit = fitter_for(recipe, settings, [selection.l2], len(params.classes), params.seed)
    method = Method(len(params.classes), len(labels), fit, settings.train)
    fit_model(images.examples.select(images.learnt), method)
    return time.process_time() - started


def embed_again(params: Params, files: list[str]) -> float:
    """Embed some of the images and scale the time to all; return CPU seconds."""
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, params.classifier.embed)
    started = time.process_time()
    for images in batches(files[:IMAGES], params.classifier.embed.batch_size):
        embed(embedder, images)
    return (time.process_time() - started) * len(files) / min(IMAGES, len(files))


def read_cached(params: Params) -> float:
    """Read the features of all images from the cache; return CPU seconds."""
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    images = manifest[manifest["phash"] != ""].drop_duplicates("sha256")
    pooled_views(images, settings, precision, views_of(settings), paths.FEATURE_CACHE)
    started = time.process_time()
    pooled_views(images, settings, precision, views_of(settings), paths.FEATURE_CACHE)
    return time.process_time() - started


def main() -> None:
    """Print and record both ratios."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    files = manifest["file"][manifest["part"].isin(["train", "validation"])].tolist()
    # The first call also imports Keras.
    retrain(params)
    spent = [retrain(params) for _ in range(ROUNDS)]
    anew = [embed_again(params, files) for _ in range(ROUNDS)]
    again = read_cached(params)
    ratios = [head / embedding for head, embedding in zip(spent, anew, strict=True)]
    sys.stdout.write(
        f"{len(files)} images: {np.median(spent):.1f} s of CPU to select and train the head, "
        f"{np.median(anew):.1f} s to embed them, {again:.1f} s to read cached features\n"
    )
    note("CPU time of retraining the head, against embedding its images", ratios)
    unchanged = [again / embedding for embedding in anew]
    note("CPU time of reading cached features, against embedding", unchanged)


if __name__ == "__main__":
    run_command(main)
