"""Recipes for the head, from the plainest to the params' own."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from herodex.classifier.dropout_head import fit_dropout_head
from herodex.classifier.examples import Examples
from herodex.classifier.linear import FitHeads, LinearHead, fit_heads
from herodex.classifier.prior_correction import with_prior_correction
from herodex.dataset.feature_table import read_columns
from herodex.params import ClassifierParams, DropoutHeadParams, EmbedParams
from herodex.paths import FEATURES


@dataclass(frozen=True)
class Recipe:
    """A way to make a head.

    Attributes:
        name: in the reports.
        columns: of the feature table that it uses, side by side.
        means: the column with mean-pooled features of the last stage, of the same views.
        embed: settings by which the service computes the same features.
        label_per_distractor: whether each distractor is a label of its own.
        dropout: whether the head has dropout instead of weight decay.
        candidate: whether it may be served; the others show the gain of a single step.
    """

    name: str
    columns: tuple[str, ...]
    means: str
    embed: EmbedParams
    label_per_distractor: bool = False
    dropout: bool = False
    candidate: bool = False


def list_recipes(embed: EmbedParams) -> list[Recipe]:
    """List the recipes from the simplest to the params' own, each a step beyond the one before."""

    def middle(pooling: str, *stages: int) -> EmbedParams:
        plain = {"views": ["middle"], "mirror": False, "stages": list(stages), "pooling": pooling}
        return embed.model_copy(update=plain)

    def all_views(name: str, settings: EmbedParams) -> Recipe:
        columns = [f"views_{stage}_{way}" for stage in settings.stages for way in settings.poolings]
        return Recipe(
            name, tuple(columns), "views_5_avg", settings, label_per_distractor=True, candidate=True
        )

    last, both, mean = ("features",), ("stage_4", "features"), "average"
    plain = middle("avg", 5)
    maxima = embed.model_copy(update={"pooling": "max"})
    return [
        Recipe("mean", (mean,), mean, plain, label_per_distractor=True, candidate=True),
        Recipe("maximum, dropout, Adam", last, mean, middle("max", 5), dropout=True),
        Recipe("maximum", last, mean, middle("max", 5)),
        Recipe("each distractor a label", last, mean, middle("max", 5), label_per_distractor=True),
        Recipe("stage 4 too", both, mean, middle("max", 4, 5), label_per_distractor=True),
        *([all_views("all views", maxima)] if embed.pooling == "both" else []),
        all_views("all of params.yaml", embed),
    ]


def find_recipe(name: str, embed: EmbedParams) -> Recipe:
    """Find a recipe by its name."""
    return next(recipe for recipe in list_recipes(embed) if recipe.name == name)


def read_recipe_features(
    recipe: Recipe, hashes: Sequence[str], path: Path = FEATURES
) -> Float32[np.ndarray, "n features"]:
    """Read the recipe's features of images, given by their sha256, from a feature table."""
    return read_columns(path, recipe.columns, hashes)


def read_means(
    recipe: Recipe, hashes: Sequence[str], path: Path = FEATURES
) -> Float32[np.ndarray, "n channels"]:
    """Read the mean-pooled features of images, which the far score compares."""
    return read_columns(path, [recipe.means], hashes)


def weight_decays_for(recipe: Recipe, settings: ClassifierParams) -> list[float]:
    """List the weight decays to choose from."""
    return [0.0] if recipe.dropout else settings.train.l2


def fitter_for(
    recipe: Recipe, settings: ClassifierParams, decays: list[float], classes: int, seed: int
) -> FitHeads:
    """Return the function that fits the recipe's heads, one for each weight decay.

    Args:
        recipe: says how heads are fitted.
        settings: of the head with dropout, and of the prior correction.
        decays: the weight decays.
        classes: how many of the head's labels are classes; they come first.
        seed: of a head with dropout.
    """
    fit: FitHeads = partial(fit_heads, l2=decays)
    if recipe.dropout:
        fit = partial(_fit_dropout, settings=settings.compare, seed=seed)
    max_ratio = settings.train.max_prior_ratio
    return fit if max_ratio is None else with_prior_correction(fit, classes, max_ratio)


def _fit_dropout(
    examples: Examples, label_count: int, settings: DropoutHeadParams, seed: int
) -> list[LinearHead]:
    return [fit_dropout_head(examples, label_count, settings, seed)]
