"""What a changed param of the head costs: to choose and train it anew, against embedding its images."""

import sys
import time

import numpy as np

from benchmarks.bench_record import note
from herodex import paths
from herodex.classifier.examples import Examples
from herodex.classifier.labels import labels_of
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import fold_numbers
from herodex.classifier.model_selection import choose
from herodex.classifier.recipes import features_for
from herodex.classifier.train import fit_final, recipe_to_follow
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.embedding.embed import batches, pooled_views
from herodex.inference.features import embed, load_embedder, views_of
from herodex.inference.openvino_runtime import resolve_precision
from herodex.params import Params, load_params

ROUNDS = 3
IMAGES = 64
"""As many are embedded anew; all would take no other time each."""


def retrain(params: Params) -> float:
    """Do what `train_classifier` computes; returns seconds of compute, of all cores together."""
    settings, seed = params.classifier, params.seed
    manifest = read_manifest(paths.SPLIT_IMAGES)
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    recipe = recipe_to_follow(params, tuned=False)
    started = time.process_time()
    labels, shown = labels_of(rows, params, recipe.fine)
    everything = Examples(features_for(recipe, rows["sha256"].tolist()), shown)
    in_train = (rows["part"] == "train").to_numpy()
    train, validation = everything.chosen(in_train), everything.chosen(~in_train)
    choice = choose(
        train,
        fold_numbers(rows["duplicate_group"].to_numpy(str)[in_train], settings.train.folds),
        train,
        validation,
        len(params.classes),
        len(labels),
        recipe,
        settings,
        seed,
    )
    fit_whitening(everything, settings.train.shrinkage)
    fit_final(recipe, everything, len(labels), choice.l2, params)
    return time.process_time() - started


def embed_anew(params: Params, files: list[str]) -> float:
    """Embed some of the images, and scale up to all; returns seconds of compute."""
    embedder = load_embedder(paths.BACKBONE, params.backbone.precision, params.classifier.embed)
    started = time.process_time()
    for images in batches(files[:IMAGES], params.classifier.embed.batch_size):
        embed(embedder, images)
    return (time.process_time() - started) * len(files) / min(IMAGES, len(files))


def look_up_again(params: Params) -> float:
    """Ask for the features of all images, which are known; returns seconds of compute."""
    settings, precision = params.classifier.embed, resolve_precision(params.backbone.precision)
    manifest = read_manifest(paths.CLEAN_IMAGES / paths.MANIFEST)
    images = manifest[manifest["phash"] != ""].drop_duplicates("sha256")
    pooled_views(images, settings, precision, views_of(settings), paths.FEATURE_CACHE)
    started = time.process_time()
    pooled_views(images, settings, precision, views_of(settings), paths.FEATURE_CACHE)
    return time.process_time() - started


def main() -> None:
    """Print and note both ratios."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    files = manifest["file"][manifest["part"].isin(["train", "validation"])].tolist()
    # The first time Keras is imported, which no other round pays.
    retrain(params)
    spent = [retrain(params) for _ in range(ROUNDS)]
    anew = [embed_anew(params, files) for _ in range(ROUNDS)]
    again = look_up_again(params)
    ratios = [head / embedding for head, embedding in zip(spent, anew, strict=True)]
    sys.stdout.write(
        f"{len(files)} images: {np.median(spent):.1f} s of compute to choose and train the head, "
        f"{np.median(anew):.1f} s to embed them, {again:.1f} s to embed again what has not changed\n"
    )
    note("compute of training the head anew, against embedding its images", ratios)
    unchanged = [again / embedding for embedding in anew]
    note("compute of embedding again what has not changed, against embedding it", unchanged)


if __name__ == "__main__":
    run_command(main)
