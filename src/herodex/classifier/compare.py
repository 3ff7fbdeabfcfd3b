"""Stage `compare_recipes`: cross-validate the recipes and choose one."""

import json
import logging
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Shaped
from matplotlib.figure import Figure

from herodex import paths
from herodex.classifier.examples import Examples, reduce_features
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import assign_folds, correct_answers, fold_count, log_losses
from herodex.classifier.model_selection import cross_validate
from herodex.classifier.principal_components import LEAST_IMAGES
from herodex.classifier.recipes import (
    Recipe,
    fitter_for,
    list_recipes,
    read_recipe_features,
    weight_decays_for,
)
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.errors import UserError
from herodex.hashing import uniform_hash
from herodex.params import Params, load_params
from herodex.plotting import interval_figure, save_figure
from herodex.scale.parallel import independent_fits
from herodex.statistics import Estimate, grouped_mean, grouped_proportion

log = logging.getLogger(__name__)

MOST_COMPARED = 20_000
"""Images that recipes are compared on; of more, an even sample."""


@dataclass(frozen=True)
class RecipeResult:
    """A recipe with its best weight decay, and each image's out-of-fold log loss, correctness and group.

    Attributes:
        by_l2: a table with out-of-fold `log_loss` and `accuracy` of each `l2`.
    """

    recipe: Recipe
    l2: float
    losses: Float[np.ndarray, " n"]
    correct: Bool[np.ndarray, " n"]
    groups: Shaped[np.ndarray, " n"]
    by_l2: pd.DataFrame = field(default_factory=pd.DataFrame)


def cross_validate_recipe(
    recipe: Recipe, rows: pd.DataFrame, params: Params, table: Path = paths.FEATURES
) -> RecipeResult:
    """Cross-validate a recipe on rows of the manifest, over duplicate groups, with features from a table."""
    settings, classes = params.classifier, len(params.classes)
    labels, own = head_labels(rows, params, recipe.label_per_distractor)
    decays = weight_decays_for(recipe, settings)
    features, components = reduce_features(
        read_recipe_features(recipe, rows["sha256"].tolist(), table), np.ones(len(rows), bool)
    )
    folds = fold_count(len(rows), len(labels), settings.train.folds)
    by_l2, best, logits = cross_validate(
        Examples(features, own, components=components),
        assign_folds(rows["duplicate_group"].tolist(), folds),
        classes,
        len(labels),
        fitter_for(recipe, settings, decays, classes, params.seed),
    )
    losses = log_losses(logits, own, classes)
    groups = rows["duplicate_group"].to_numpy(str)
    by_l2.insert(0, "l2", decays)
    return RecipeResult(recipe, decays[best], losses, correct_answers(logits, own, classes), groups, by_l2)


def sample_rows(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep an even sample of at most so many rows, duplicate groups as a whole."""
    if len(rows) <= most:
        return rows
    place = np.array([uniform_hash(str(group), "compare") for group in rows["duplicate_group"]])
    return cast(pd.DataFrame, rows.loc[place < np.sort(place)[most]])


def accuracy_gain(result: RecipeResult, baseline: RecipeResult, seed: int) -> Estimate:
    """Estimate how much higher a recipe's accuracy is than another's, over the same images."""
    return grouped_mean(result.correct.astype(float) - baseline.correct, result.groups, seed)


def choose_recipe(results: list[RecipeResult]) -> Recipe:
    """Choose the simplest candidate whose log loss is within one standard error of the least.

    The standard error is that of the difference on the same images, over duplicate groups (Breiman et al.
    1984, Classification and Regression Trees, section 3.4.3).
    """
    candidates = [one for one in results if one.recipe.candidate]
    best = min(candidates, key=lambda one: float(one.losses.mean()))

    def close(one: RecipeResult) -> bool:
        difference = one.losses - best.losses
        mean = float(difference.mean())
        _, place = np.unique(one.groups, return_inverse=True)
        return mean <= float(np.sqrt((np.bincount(place, difference - mean) ** 2).sum())) / len(difference)

    return next(one.recipe for one in candidates if close(one))


def tabulate(results: list[RecipeResult], seed: int) -> pd.DataFrame:
    """Make a row for each recipe: its accuracy and its gain over the one before, with intervals."""
    rows: list[dict[str, str | float]] = []
    for place, one in enumerate(results):
        accuracy = grouped_proportion(one.correct, one.groups)
        row: dict[str, str | float] = {
            "recipe": one.recipe.name,
            "l2": one.l2,
            "log_loss": float(one.losses.mean()),
        }
        row |= {"n": accuracy["n"], "accuracy": accuracy["value"]}
        row |= {"accuracy_low": accuracy["low"], "accuracy_high": accuracy["high"]}
        if place:
            gain = accuracy_gain(one, results[place - 1], seed)
            row |= {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
        rows.append(row)
    return pd.DataFrame(rows).round(6)


def recipes_figure(accuracies: dict[str, Estimate], chosen: str) -> Figure:
    """Draw the accuracy of each recipe, and mark the one that is used."""
    names = {name: f"{name}, used" if name == chosen else name for name in accuracies}
    figure, axes = interval_figure(
        {names[name]: found for name, found in accuracies.items()}, "out-of-fold accuracy"
    )
    row = list(accuracies).index(chosen)
    axes.axhspan(row - 0.6, row + 0.4, color="tab:orange", alpha=0.18, linewidth=0)
    axes.get_yticklabels()[row].set_fontweight("bold")
    return figure


def main() -> None:
    """Write the table of recipes, its plot, and the recipe that `train_classifier` follows."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    rows = manifest[manifest["part"].isin(["train", "validation"])]
    if len(np.unique(head_labels(rows, params, label_per_distractor=True)[1])) < 2:
        raise UserError(
            "compare_recipes: all training images have the same label.",
            "Add a class or a distractor to params.yaml, or more images.",
        )
    recipes, most_rows = list_recipes(params.classifier.embed), len(rows)
    rows = sample_rows(rows, MOST_COMPARED)
    threads = None
    if len(rows) > LEAST_IMAGES:
        recipes, threads = [recipe for recipe in recipes if recipe.candidate], 1
        log.info(
            "compared on %d of %d images; the %d recipes that may be served alone",
            *(len(rows), most_rows, len(recipes)),
        )
    validate = partial(cross_validate_recipe, rows=rows, params=params, table=paths.FEATURES.absolute())
    results = list(independent_fits(validate, recipes, "compare", None, params.scale, threads))
    recipe = choose_recipe(results)
    folder = paths.CLASSIFIER_REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    tabulate(results, params.seed).to_csv(folder / "recipes.csv", index=False, lineterminator="\n")
    (by_l2,) = (one.by_l2 for one in results if one.recipe == recipe)
    record = {"chosen": recipe.name, "cross_validation": by_l2.to_dict("records")}
    (folder / "recipes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    accuracies = {one.recipe.name: grouped_proportion(one.correct, one.groups) for one in results}
    save_figure(recipes_figure(accuracies, recipe.name), folder / "recipes.png")
    log.info("chosen: %s", recipe.name)


if __name__ == "__main__":
    run_command(main)
