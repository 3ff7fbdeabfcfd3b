"""Measure each step of the classifier on real images, and its decisions on queries it never saw.

`python -m benchmarks.classifier INDEX FOLDER WORK` takes a folder with a sub-folder of images for each of
the classes and distractors of `params.yaml`, and a table of them with `path`, `cls`, `near_duplicate_cluster`
and `sha256`. Nothing is cleaned. Every figure comes from cross-validation over duplicate groups with three
seeds. For decisions, two distractors at a time are left out altogether, over all pairs; models with fewer of
the other distractors show what each further one buys. These models follow the candidate recipe with the
least log loss. WORK keeps the features.
"""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from herodex.classifier.examples import Examples, OodExamples
from herodex.classifier.linear import (
    assign_folds,
    correct_answers,
    fit_heads,
    fit_temperature,
    log_loss,
    out_of_fold_logits,
)
from herodex.classifier.model_selection import Images, select
from herodex.classifier.ood_calibration import Method, predict_held_out
from herodex.classifier.recipes import Recipe, fitter_for, list_recipes
from herodex.command import run_command
from herodex.embedding.embed import pooled_views
from herodex.evaluation.metrics import calibration, expected_calibration_error
from herodex.inference.decision import answer_positions, confidence_sets, known_answers, posterior
from herodex.inference.features import features_of, means_of, views_of
from herodex.inference.image_decoding import normalise, open_image
from herodex.inference.ood import class_probabilities
from herodex.inference.openvino_runtime import resolve_precision
from herodex.params import EmbedParams, Params, load_params
from herodex.progress import track

SEEDS = 3
FOLDS = 5
WEIGHT_DECAY = [0.003]
FIT = partial(fit_heads, l2=WEIGHT_DECAY)
TABLE = Path(__file__).with_name("classifier.csv")
CURVE = Path(__file__).with_name("distractors.csv")

Pair = tuple[int, int]
"""Two distractors that are left out, by position."""


class Labelled(NamedTuple):
    """Images with the features of a recipe, and their duplicate groups."""

    recipe: Recipe
    examples: OodExamples
    groups: np.ndarray


def steps(settings: EmbedParams) -> list[Recipe]:
    """List the pipeline's recipes, with the mirrored middle view as a step of its own."""
    *plainer, own = list_recipes(settings)
    mirrored = settings.model_copy(update={"views": ["middle"]})
    return [*plainer, replace(own, name="mirrored too", embed=mirrored, candidate=False), own]


def random_folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """Assign duplicate groups to folds at random, int [n]."""
    names, place = np.unique(groups, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[place]


def crossed_ece(logits: np.ndarray, labels: np.ndarray, classes: int, fold: np.ndarray) -> float:
    """Compute the calibration error with each fold's temperature fitted to the other folds."""
    probabilities = np.zeros((len(labels), classes + 1))
    for number in np.unique(fold):
        temperature = fit_temperature(logits[fold != number], labels[fold != number], classes)
        probabilities[fold == number] = class_probabilities(logits[fold == number], classes, temperature)
    return expected_calibration_error(
        calibration(np.minimum(labels, classes), probabilities, np.arange(len(labels)))
    )


def unseen_metrics(
    images: Labelled, left_out: Pair, params: Params, taught: Sequence[int]
) -> dict[str, float]:
    """Measure decisions on held-out images and on images of two labels that no model ever saw.

    Everything is nested: the outer folds hold images out of the selection of all settings, as the stage
    selects them.

    Args:
        images: of all labels.
        left_out: the two labels.
        params: of the project.
        taught: the distractors that models learn.
    """
    classes = len(params.classes)
    names = [*range(classes), *sorted(taught)]
    used = np.isin(images.examples.labels, [*names, *left_out])
    examples, groups = images.examples.select(used), images.groups[used]
    is_ood = np.isin(examples.labels, left_out)
    renamed = examples.relabel(np.searchsorted(names, examples.labels))
    fold = random_folds(groups, seed=0)
    probabilities = np.zeros((len(fold), classes + 1))
    covered, sizes = np.zeros(len(fold), bool), np.zeros(len(fold))
    # As many inner folds as outer ones: half the work of the stage's ten.
    settings = params.classifier.train.model_copy(update={"l2": WEIGHT_DECAY, "folds": FOLDS})
    classifier = params.classifier.model_copy(update={"train": settings})
    for number in range(FOLDS):
        held_out, train = np.flatnonzero(fold == number), (fold != number) & ~is_ood
        learnt = renamed.select(train)
        inner = assign_folds(groups[train].tolist(), settings.folds)
        labels = [str(name) for name in names]
        inside = Images(learnt, inner, np.ones(len(inner), bool), groups[train])
        decision = select(inside, classes, labels, images.recipe, classifier, 0).decision
        found = predict_held_out(learnt, examples, held_out, Method(classes, len(names), FIT, settings))
        scores = decision.detector.score(found.figures)
        probabilities[held_out] = posterior(found.logits, scores, classes, decision.temperature)
        sets = confidence_sets(probabilities[held_out], decision.least)
        true = np.minimum(examples.labels[held_out], classes)
        covered[held_out], sizes[held_out] = sets[np.arange(len(held_out)), true], sets.sum(axis=1)
    known, seen = examples.labels < classes, ~is_ood
    accepted = known_answers(probabilities)
    correct = answer_positions(probabilities) == np.minimum(examples.labels, classes)
    score = 1 - probabilities[:, -1]
    return {
        "answers correct, labels seen": float(correct[seen].mean()),
        "false reject rate": float((~accepted[known]).mean()),
        "false accept rate, labels unseen": float(accepted[is_ood].mean()),
        "the same if 5 % are rejected": float((score[is_ood] >= np.quantile(score[known], 0.05)).mean()),
        "AUROC, labels unseen": float(roc_auc_score(known[known | is_ood], score[known | is_ood])),
        "set coverage, labels seen": float(covered[seen].mean()),
        "mean set size, labels seen": float(sizes[seen].mean()),
    }


def all_pairs(classes: int, label_count: int) -> list[Pair]:
    """List the pairs of distractors, first some that hold each distractor once."""
    labels = range(classes, label_count)
    apart = list(zip(labels[::2], labels[1::2], strict=False))
    return [*apart, *(pair for pair in itertools.combinations(labels, 2) if pair not in apart)]


def by_distractors(images: Labelled, params: Params, found: list[dict[str, float]]) -> pd.DataFrame:
    """Measure the left-out labels for each number of distractors; `found` has them with all, for each pair.

    The pairs are those that hold each distractor once; the distractors that are taught are drawn at random.
    """
    classes, label_count = len(params.classes), int(images.examples.labels.max()) + 1
    pairs = all_pairs(classes, label_count)[: (label_count - classes) // 2]
    figures = ["false accept rate, labels unseen", "AUROC, labels unseen"]
    generator = np.random.default_rng(0)
    most = label_count - classes - 2
    work = [(pair, size) for size in range(most) for pair in pairs]
    rows = [{"distractors": most, **found[place]} for place in range(len(pairs))]
    for pair, size in track(work, len(work), "fewer distractors", "models"):
        others = [label for label in range(classes, label_count) if label not in pair]
        taught = generator.choice(others, size, replace=False).tolist()
        rows.append({"distractors": size, **unseen_metrics(images, pair, params, taught)})
    return pd.DataFrame(rows).groupby("distractors")[figures].agg(["mean", "min", "max"]).round(3)


def step_metrics(
    step: Recipe, examples: Examples, own: np.ndarray, groups: np.ndarray, params: Params
) -> list[dict[str, float]]:
    """Cross-validate a recipe once for each seed; `own` has each image's label, distractors apart."""
    classes, known = len(params.classes), own < len(params.classes)
    found: list[dict[str, float]] = []
    for seed in range(SEEDS):
        fit = fitter_for(step, params.classifier, WEIGHT_DECAY, classes, seed)
        fold = random_folds(groups, seed)
        (logits,) = out_of_fold_logits(examples, int(examples.labels.max()) + 1, fold, fit)
        among_classes = logits[known, :classes].argmax(axis=1) == own[known]
        found.append(
            {
                "the classes among themselves": float(among_classes.mean()),
                "all answers": float(correct_answers(logits, own, classes).mean()),
                "log loss": log_loss(logits, examples.labels, classes),
                "ece": crossed_ece(logits, examples.labels, classes, fold),
            }
        )
    return found


def summarise(found: list[dict[str, float]]) -> dict[str, str]:
    """Word each figure as its mean, minimum and maximum."""
    return {
        name: f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"
        for name in found[0]
        for values in [[one[name] for one in found]]
    }


def main() -> None:
    """Print the table of steps and the OOD metrics, and write both beside this file."""
    index, folder, work = (Path(argument) for argument in sys.argv[1:4])
    params = load_params()
    names = [*params.classes, *params.distractors]
    table = pd.read_csv(index, dtype=str)
    table = table[table["path"].str.startswith(f"{folder.name}/") & table["cls"].isin(names)]
    table = table.assign(file=table["path"], pixel_sha256=table["sha256"]).reset_index(drop=True)
    own = np.array([names.index(name) for name in table["cls"]])
    groups, classes = table["near_duplicate_cluster"].to_numpy(str), len(params.classes)

    def read(file: str) -> np.ndarray:
        data = (index.parent / file).read_bytes()
        image = open_image(data, int(params.classifier.clean.max_pixels_mp * 1e6))
        return normalise(image, params.classifier.clean.max_side)

    precision = resolve_precision(params.backbone.precision)
    rows: list[dict[str, str]] = []
    candidates: list[tuple[float, Labelled]] = []
    for step in steps(params.classifier.embed):
        pooled, channels = pooled_views(
            table, step.embed, precision, views_of(step.embed), work / "features.db", read=read
        )
        labels = own if step.label_per_distractor else np.minimum(own, classes)
        features, means = features_of(step.embed, pooled, channels), means_of(pooled, channels)
        examples = OodExamples(features, labels, means)
        figures = step_metrics(step, examples, own, groups, params)
        rows.append({"step": step.name, **summarise(figures)})
        sys.stdout.write(f"{rows[-1]}\n")
        if step.candidate:
            loss = float(np.mean([one["log loss"] for one in figures]))
            candidates.append((loss, Labelled(step, examples, groups)))
    _, chosen = min(candidates, key=lambda one: one[0])
    distractors = set(range(classes, len(names)))
    pairs = all_pairs(classes, len(names))
    found: list[dict[str, float]] = []
    for pair in track(pairs, len(pairs), "decisions", "pairs"):
        found.append(unseen_metrics(chosen, pair, params, sorted(distractors - set(pair))))
        sys.stdout.write(f"{[names[label] for label in pair]}: {found[-1]}\n")
    rows += [{"step": name, "value": value} for name, value in summarise(found).items()]
    for row in rows[-len(found[0]) :]:
        sys.stdout.write(f"{row}\n")
    pd.DataFrame(rows).to_csv(TABLE, index=False, lineterminator="\n")
    curve = by_distractors(chosen, params, found)
    curve.columns = [f"{figure}, {how}" for figure, how in curve.columns]
    curve.to_csv(CURVE, lineterminator="\n")
    sys.stdout.write(f"{curve}\n")


if __name__ == "__main__":
    run_command(main)
