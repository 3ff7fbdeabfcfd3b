"""Stage `compare_recipes`: which way to make a head is the best, and what each step to it is worth."""

import json
import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from herodex import paths
from herodex.classifier.examples import Examples
from herodex.classifier.labels import labels_of
from herodex.classifier.linear import are_right, fold_numbers
from herodex.classifier.model_selection import cross_validate
from herodex.classifier.recipes import Recipe, features_for, fitter_for, list_recipes, weight_decays_for
from herodex.command import run_command
from herodex.dataset.manifest import read_manifest
from herodex.errors import UserError
from herodex.params import Params, load_params
from herodex.plotting import interval_figure, save_figure
from herodex.statistics import Estimate, bootstrap_mean, share

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecipeResult:
    """A recipe and how it did out of fold: `right` bool [n], `l2` its best weight decay."""

    recipe: Recipe
    l2: float
    log_loss: float
    right: np.ndarray


def cross_validate_recipe(recipe: Recipe, train: pd.DataFrame, params: Params) -> RecipeResult:
    """Cross-validate a recipe over the clusters of the training part's rows."""
    settings, classes = params.classifier, len(params.classes)
    labels, shown = labels_of(train, params, recipe.fine)
    decays = weight_decays_for(recipe, settings)
    table, best, logits = cross_validate(
        Examples(features_for(recipe, train["sha256"].tolist()), shown),
        fold_numbers(train["duplicate_group"].to_numpy(str), settings.train.folds),
        classes,
        len(labels),
        fitter_for(recipe, settings, decays, params.seed),
    )
    right = are_right(logits, shown, classes)
    return RecipeResult(recipe, decays[best], float(table["log_loss"][best]), right)


def choose_recipe(tried: list[RecipeResult], seed: int) -> tuple[Recipe, dict[str, Estimate]]:
    """Take the last, unless a candidate is better and the interval of its gain says that this is no chance.

    Returns:
        the recipe, and of each other candidate by how much its accuracy is above the last one's.
    """
    *others, own = tried
    gains = {
        other.recipe.name: bootstrap_mean(other.right.astype(float) - own.right, seed)
        for other in others
        if other.recipe.candidate
    }
    better = {name: gain["value"] for name, gain in gains.items() if gain["low"] > 0}
    chosen = max(better, key=lambda name: better[name]) if better else own.recipe.name
    return next(one.recipe for one in tried if one.recipe.name == chosen), gains


def tabulate(tried: list[RecipeResult], seed: int) -> pd.DataFrame:
    """Make a row for each recipe: its accuracy, and what it gained over the one before, with intervals."""
    rows, before = [], None
    for one in tried:
        accuracy = share(int(one.right.sum()), len(one.right))
        row = {"recipe": one.recipe.name, "l2": one.l2, "log_loss": one.log_loss}
        row |= {"n": accuracy["n"], "accuracy": accuracy["value"]}
        row |= {"accuracy_low": accuracy["low"], "accuracy_high": accuracy["high"]}
        if before is not None:
            gain = bootstrap_mean(one.right.astype(float) - before.right, seed)
            row |= {"gain": gain["value"], "gain_low": gain["low"], "gain_high": gain["high"]}
        rows.append(row)
        before = one
    return pd.DataFrame(rows).round(6)


def main() -> None:
    """Write the table of recipes, its plot, and which recipe `train_classifier` is to follow."""
    params = load_params()
    manifest = read_manifest(paths.SPLIT_IMAGES)
    train = manifest[manifest["part"] == "train"]
    if len(np.unique(labels_of(train, params, fine=True)[1])) < 2:
        raise UserError(
            "compare_recipes: the training part shows a single thing.",
            "Add a class or a distractor to params.yaml, or more images.",
        )
    tried = [cross_validate_recipe(recipe, train, params) for recipe in list_recipes(params.classifier.embed)]
    recipe, gains = choose_recipe(tried, params.seed)
    folder = paths.CLASSIFIER_REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    tabulate(tried, params.seed).to_csv(folder / "recipes.csv", index=False, lineterminator="\n")
    record = {"chosen": recipe.name, "gain_over_params": gains}
    (folder / "recipes.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    measured = {one.recipe.name: share(int(one.right.sum()), len(one.right)) for one in tried}
    save_figure(interval_figure(measured, "accuracy out of fold")[0], folder / "recipes.png")
    log.info("chosen: %s; gains over params.yaml: %s", recipe.name, gains)


if __name__ == "__main__":
    run_command(main)
