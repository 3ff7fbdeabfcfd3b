"""What each step of the classifier is worth on real images, and how it takes things that it has never seen.

`python -m benchmarks.classifier INDEX FOLDER WORK` takes a folder with a sub-folder of images for each of
the classes and distractors of `params.yaml`, and a table of them with `path`, `cls`, `near_duplicate_cluster`
and `sha256`. Nothing is cleaned. Everything is measured by cross-validation over clusters of copies, with
three seeds: no image, and no copy of one, is judged by what has learnt from it. Strangers are two
distractors at a time, left out of training altogether, over all such pairs. WORK keeps the features.
"""

import itertools
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from herodex.classifier.examples import Examples
from herodex.classifier.lda import fit_whitening
from herodex.classifier.linear import are_right, fit_heads, fit_temperature, out_of_fold
from herodex.classifier.ood_calibration import fit_ood_detector, leave_one_query_out
from herodex.classifier.recipes import Recipe, fitter_for, list_recipes
from herodex.command import run_command
from herodex.embedding.embed import pooled_views
from herodex.evaluation.metrics import calibration, expected_calibration_error
from herodex.inference.features import features_of, views_of
from herodex.inference.image_decoding import normalise, open_image
from herodex.inference.ood import Gallery, class_probabilities, ood_features, similarities
from herodex.inference.openvino_runtime import resolve_precision
from herodex.params import EmbedParams, Params, load_params
from herodex.progress import track

SEEDS = 3
FOLDS = 5
WEIGHT_DECAY = [0.003]
FIT = partial(fit_heads, l2=WEIGHT_DECAY)
TABLE = Path(__file__).with_name("classifier.csv")


def steps(settings: EmbedParams) -> list[Recipe]:
    """List the recipes that the pipeline compares, with the mirrored middle before the other views."""
    *plainer, own = list_recipes(settings)
    mirrored = settings.model_copy(update={"views": ["middle"]})
    return [*plainer, replace(own, name="mirrored too", embed=mirrored), own]


def folds_of(clusters: np.ndarray, seed: int) -> np.ndarray:
    """Share clusters out among folds at random, int [n]."""
    names, place = np.unique(clusters, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[place]


def crossed_ece(logits: np.ndarray, labels: np.ndarray, classes: int, fold: np.ndarray) -> float:
    """The calibration error with the temperature of each fold fitted to the others."""
    probabilities = np.zeros((len(labels), classes + 1))
    for number in np.unique(fold):
        temperature = fit_temperature(logits[fold != number], labels[fold != number], classes)
        probabilities[fold == number] = class_probabilities(logits[fold == number], classes, temperature)
    return expected_calibration_error(calibration(np.minimum(labels, classes), probabilities))


def strangers(
    examples: Examples, clusters: np.ndarray, left: tuple[int, int], classes: int, params: Params, seed: int
) -> dict[str, float]:
    """Leave two labels out altogether, and score how their images are told from those of the classes.

    The weights of the score are found as the stage finds them, on what is left: by leaving out others.
    """
    settings = params.classifier.train
    strange = np.isin(examples.labels, left)
    names = np.array([label for label in np.unique(examples.labels) if label not in left])
    renamed = Examples(examples.features, np.searchsorted(names, examples.labels))
    fold = folds_of(clusters, seed)
    scores = {"softmax": np.full(len(fold), np.nan), "familiarity": np.full(len(fold), np.nan)}
    for number in range(FOLDS):
        asked, train = fold == number, (fold != number) & ~strange
        inner = train & (fold == (number + 1) % FOLDS)
        learnt = renamed.chosen(train)
        parts = renamed.chosen(train & ~inner), renamed.chosen(inner)
        found = list(leave_one_query_out(*parts, classes, len(names), FIT, settings))
        figures, unfamiliar = (np.concatenate([part[i] for part in found]) for i in (1, 2))
        judge = fit_ood_detector(figures, unfamiliar, settings.false_accept_rate)
        (head,) = FIT(learnt, len(names))
        space = fit_whitening(learnt, settings.shrinkage)
        gallery = Gallery(space.unit(learnt.features), learnt.labels, len(names), settings.neighbours)
        logits = head.logits(examples.features[asked])
        close = similarities(gallery, space.unit(examples.features[asked]))
        seen = ood_features(logits, close, classes)
        scores["softmax"][asked], scores["familiarity"][asked] = seen[:, 0], judge.score(seen)
    known = examples.labels < classes
    result = {}
    for name, score in scores.items():
        result[f"auroc, {name}"] = float(roc_auc_score(known[known | strange], score[known | strange]))
        passed = score[strange] >= np.quantile(score[known], 0.02)
        result[f"false acceptance at 2 % false rejection, {name}"] = float(passed.mean())
    return result


def main() -> None:
    """Print the table of steps, and how strangers fare, and write both beside this file."""
    index, folder, work = (Path(argument) for argument in sys.argv[1:4])
    params = load_params()
    names = [*params.classes, *params.distractors]
    table = pd.read_csv(index, dtype=str)
    table = table[table["path"].str.startswith(f"{folder.name}/") & table["cls"].isin(names)]
    table = table.assign(file=table["path"], pixel_sha256=table["sha256"]).reset_index(drop=True)
    shown = np.array([names.index(name) for name in table["cls"]])
    clusters, classes = table["near_duplicate_cluster"].to_numpy(str), len(params.classes)

    def read(file: str) -> np.ndarray:
        data = (index.parent / file).read_bytes()
        image = open_image(data, int(params.classifier.clean.max_pixels_mp * 1e6))
        return normalise(image, params.classifier.clean.max_side)

    precision = resolve_precision(params.backbone.precision)
    rows = []
    examples = Examples(np.zeros((0, 0)), shown)
    for step in steps(params.classifier.embed):
        pooled, channels = pooled_views(
            table, step.embed, precision, views_of(step.embed), work / "features.db", read=read
        )
        labels = shown if step.fine else np.minimum(shown, classes)
        examples = Examples(features_of(step.embed, pooled, channels), labels)
        count, known = int(labels.max()) + 1, shown < classes
        figures = []
        for seed in range(SEEDS):
            fit = fitter_for(step, params.classifier, WEIGHT_DECAY, seed)
            fold = folds_of(clusters, seed)
            (logits,) = out_of_fold(examples, count, fold, fit)
            figures.append(
                {
                    "the four among themselves": (
                        logits[known, :classes].argmax(axis=1) == shown[known]
                    ).mean(),
                    "five labels": are_right(logits, shown, classes).mean(),
                    "ece": crossed_ece(logits, labels, classes, fold),
                }
            )
        rows.append({"step": step.name, **summarise(figures)})
        sys.stdout.write(f"{rows[-1]}\n")
    pairs = list(itertools.combinations(range(classes, len(names)), 2))
    found = [
        strangers(examples, clusters, pair, classes, params, seed=0)
        for pair in track(pairs, len(pairs), "strangers", "pairs")
    ]
    for name in found[0]:
        values = [figures[name] for figures in found]
        rows.append({"step": name, "value": f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"})
        sys.stdout.write(f"{rows[-1]}\n")
    pd.DataFrame(rows).to_csv(TABLE, index=False, lineterminator="\n")


def summarise(figures: list[dict[str, float]]) -> dict[str, str]:
    """The mean of each figure over seeds, with the least and the most."""
    return {
        name: f"{np.mean(values):.3f} ({min(values):.3f}-{max(values):.3f})"
        for name in figures[0]
        for values in [[one[name] for one in figures]]
    }


if __name__ == "__main__":
    run_command(main)
