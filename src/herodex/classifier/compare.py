"""Stage `compare_recipes`: cross-validate the recipes and choose one."""

import json
import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool

from herodex import paths
from herodex.classifier.examples import Examples
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import assign_folds, correct_answers
from herodex.classifier.model_selection import cross_validate
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
from herodex.params import Params, load_params
from herodex.plotting import interval_figure, save_figure
from herodex.statistics import Estimate, bootstrap_mean, proportion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecipeResult:
    """A recipe with its best weight decay, its out-of-fold log loss and its correct answers."""

    recipe: Recipe
    l2: float
    log_loss: float
    correct: Bool[np.ndarray, " n"]


def cross_validate_recipe(recipe: Recipe, train: pd.DataFrame, params: Params) -> RecipeResult:
    """Cross-validate a recipe on the training part, over duplicate groups."""
    settings, classes = params.classifier, len(params.classes)
    labels, own = head_labels(train, params, recipe.label_per_distractor)
    decays = weight_decays_for(recipe, settings)
    table, best, logits = cross_validate(
        Examples(read_recipe_features(recipe, train["sha256"].tolist()), own),
        assign_folds(train["duplicate_group"].tolist(), settings.train.folds),
        classes,
        len(labels),
        fitter_for(recipe, settings, decays, params.seed),
    )
    loss = float(table["log_loss"].to_numpy()[best])
    return RecipeResult(recipe, decays[best], loss, correct_answers(logits, own, classes))


def accuracy_gain(result: RecipeResult, baseline: RecipeResult, seed: int) -> Estimate:
    """Estimate how much higher a recipe's accuracy is than another's, over the same images."""
    return bootstrap_mean(result.correct.astype(float) - baseline.correct, seed)


def choose_recipe(results: list[RecipeResult], seed: int) -> tuple[Recipe, dict[str, Estimate]]:
    """Choose the last recipe, unless the confidence interval of a candidate's gain over it lies above 0.

    Returns:
        the recipe, and the gain in accuracy of each other candidate over the last one.
    """
    *others, own = results
    gains = {other.recipe.name: accuracy_gain(other, own, seed) for other in others if other.recipe.candidate}
    better = {name: gain["value"] for name, gain in gains.items() if gain["low"] > 0}
    chosen = max(better, key=lambda name: better[name]) if better else own.recipe.name
    return next(one.recipe for one in results if one.recipe.name == chosen), gains


def tabulate(results: list[RecipeResult], seed: int) -> pd.DataFrame:
    """Make a row for each recipe: its accuracy and its gain over the one before, with intervals."""
    rows: list[dict[str, str | float]] = []
    for place, one in enumerate(results):
        accuracy = proportion(int(one.correct.sum()), len(one.correct))
        row: dict[str, str | float] = {"recipe": one.recipe.name, "l2": one.l2, "log_loss": one.log_loss}
        row |= {"n": accuracy["n"], "accuracy": accuracy["value"]}
        row |= {"accuracy_low": accuracy["low"], "accuracy_high": accuracy["high"]}
        if place:
            gain = accuracy_gain(one, results[place - 1], seed)
            row |= {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
        rows.append(row)
    return pd.DataFrame(rows).round(6)


def main() -> None:
    """Write the table of recipes, its plot, and the recipe that `train_classifier` follows."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    train = manifest[manifest["part"] == "train"]
    if len(np.unique(head_labels(train, params, label_per_distractor=True)[1])) < 2:
        raise UserError(
            "compare_recipes: all training images have the same label.",
            "Add a class or a distractor to params.yaml, or more images.",
        )
    recipes = list_recipes(params.classifier.embed)
    results = [cross_validate_recipe(recipe, train, params) for recipe in recipes]
    recipe, gains = choose_recipe(results, params.seed)
    folder = paths.CLASSIFIER_REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    tabulate(results, params.seed).to_csv(folder / "recipes.csv", index=False, lineterminator="\n")
    record = {"chosen": recipe.name, "gain_over_params": gains}
    (folder / "recipes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    accuracies = {one.recipe.name: proportion(int(one.correct.sum()), len(one.correct)) for one in results}
    save_figure(interval_figure(accuracies, "out-of-fold accuracy")[0], folder / "recipes.png")
    log.info("chosen: %s; gains over params.yaml: %s", recipe.name, gains)


if __name__ == "__main__":
    run_command(main)
