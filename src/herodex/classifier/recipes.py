"""Ways to make a head, from the plainest on: what it sees, what it tells apart, and how it is fitted."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from herodex.classifier.dropout_head import fit_dropout_head
from herodex.classifier.examples import Examples
from herodex.classifier.linear import Fit, LinearHead, fit_heads
from herodex.dataset.feature_table import read_features
from herodex.params import ClassifierParams, DropoutHeadParams, EmbedParams
from herodex.paths import FEATURES


@dataclass(frozen=True)
class Recipe:
    """A way to make a head.

    Attributes:
        name: by which the reports call it.
        columns: of the table of features that it sees, side by side.
        embed: how the service has to look at an image to see the same.
        fine: whether each distractor is a label of its own.
        dropout: whether the head has dropout, and no weight decay.
        candidate: whether it may be what is served; the others say what a single step is worth.
    """

    name: str
    columns: tuple[str, ...]
    embed: EmbedParams
    fine: bool = False
    dropout: bool = False
    candidate: bool = False


def list_recipes(embed: EmbedParams) -> list[Recipe]:
    """List the recipes, each a step from the one before; the last is the params' own."""

    def middle(pooling: str, *stages: int) -> EmbedParams:
        plain = {"views": ["middle"], "mirror": False, "stages": list(stages), "pooling": pooling}
        return embed.model_copy(update=plain)

    both = ("stage_4", "features")
    return [
        Recipe("mean, logistic regression", ("average",), middle("avg", 5), candidate=True),
        Recipe("maximum, dropout, Adam", ("features",), middle("max", 5), dropout=True, candidate=True),
        Recipe("maximum, logistic regression", ("features",), middle("max", 5)),
        Recipe("each distractor a label", ("features",), middle("max", 5), fine=True),
        Recipe("stage 4 too", both, middle("max", 4, 5), fine=True),
        Recipe("all of params.yaml", ("views",), embed, fine=True, candidate=True),
    ]


def find_recipe(name: str, embed: EmbedParams) -> Recipe:
    """Find a recipe by its name."""
    return next(recipe for recipe in list_recipes(embed) if recipe.name == name)


def features_for(recipe: Recipe, hashes: list[str], path: Path = FEATURES) -> np.ndarray:
    """Read what the recipe sees of images, by their sha256, from a table; float32 [n, features]."""
    tables = [read_features(path, column) for column in recipe.columns]
    return np.stack([np.concatenate([table[sha256] for table in tables]) for sha256 in hashes])


def weight_decays_for(recipe: Recipe, settings: ClassifierParams) -> list[float]:
    """List the weight decays that there are to choose from."""
    return [0.0] if recipe.dropout else settings.train.l2


def fitter_for(recipe: Recipe, settings: ClassifierParams, decays: list[float], seed: int) -> Fit:
    """Make what fits the recipe's heads, one for each weight decay."""
    if recipe.dropout:
        return partial(_fit_dropout, settings=settings.compare, seed=seed)
    return partial(fit_heads, l2=decays)


def _fit_dropout(examples: Examples, count: int, settings: DropoutHeadParams, seed: int) -> list[LinearHead]:
    return [fit_dropout_head(examples, count, settings, seed)[0]]
