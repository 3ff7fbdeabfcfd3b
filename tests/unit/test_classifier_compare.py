from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from demo_web_params import demo_params

from herodex.classifier.compare import RecipeResult, choose_recipe, recipes_figure, tabulate
from herodex.classifier.dropout_head import fit_dropout_head
from herodex.classifier.examples import Examples
from herodex.classifier.labels import head_labels
from herodex.classifier.linear import out_of_fold_logits
from herodex.classifier.recipes import fitter_for, list_recipes
from herodex.params import load_params
from herodex.statistics import proportion

SETTINGS = load_params().classifier
# At the default rate, the first weights would decide after 20 epochs of 3 steps.
QUICK = SETTINGS.model_copy(update={"compare": SETTINGS.compare.model_copy(update={"learning_rate": 0.01})})
RECIPES = list_recipes(SETTINGS.embed)


def results(hits: dict[str, int], n: int = 200, of_group: int = 1) -> list[RecipeResult]:
    """Results in which each recipe answers its first so many images correctly, in groups of neighbours."""
    groups = (np.arange(n) // of_group).astype(str)
    marks = {recipe.name: np.arange(n) < hits.get(recipe.name, n // 2) for recipe in RECIPES}
    return [
        RecipeResult(recipe, 0.01, np.where(marks[recipe.name], 0.1, 2.0), marks[recipe.name], groups)
        for recipe in RECIPES
    ]


def test_the_simplest_recipe_within_one_standard_error_of_the_best_is_chosen():
    own, plain = RECIPES[-1].name, RECIPES[0].name
    assert choose_recipe(results({own: 150, plain: 150})).name == plain
    assert choose_recipe(results({own: 180, plain: 150})).name == own
    assert choose_recipe(results({own: 150, plain: 180})).name == plain


def test_plot_of_recipes_marks_the_one_in_use():
    found = {name: proportion(hits, 20) for name, hits in (("mean", 15), ("all views", 18), ("all", 17))}
    (axes,) = recipes_figure(found, "all views").axes
    labels = {label.get_text(): label.get_fontweight() for label in axes.get_yticklabels()}
    assert labels == {
        "mean (n = 20)": "normal",
        "all views, used (n = 20)": "bold",
        "all (n = 20)": "normal",
    }


def test_head_with_dropout_is_compared_and_never_served():
    # So neither train_classifier nor evaluate_classifier depends on classifier.compare.
    assert [recipe.candidate for recipe in RECIPES if recipe.dropout] == [False]


def test_simplest_recipe_is_chosen_if_another_is_better_in_three_groups_and_worse_in_two():
    own, plain, place = RECIPES[-1], RECIPES[0], np.arange(200) // 40
    losses = {own.name: np.where(place < 3, 0.1, 2.0), plain.name: np.where(place < 3, 2.0, 0.1)}
    for groups, chosen in ((np.arange(200), own), (place, plain)):
        found = [
            replace(one, losses=losses.get(one.recipe.name, np.full(200, 2.0)), groups=groups.astype(str))
            for one in results({})
        ]
        assert choose_recipe(found).name == chosen.name


def test_intervals_of_recipes_are_over_groups():
    own = RECIPES[-1].name
    alone, grouped = (tabulate(results({own: 180}, of_group=size), seed=1) for size in (1, 50))
    assert (grouped["accuracy_low"] < alone["accuracy_low"] - 0.03).all()
    assert grouped["gain_low"].iloc[-1] < alone["gain_low"].iloc[-1] - 0.03


def test_recipes_that_are_not_candidates_are_never_chosen():
    step = next(recipe for recipe in RECIPES if not recipe.candidate)
    assert choose_recipe(results({step.name: 200})).candidate


def test_maxima_alone_are_a_candidate_of_their_own_beside_both_poolings():
    both, maxima = (
        list_recipes(SETTINGS.embed.model_copy(update={"pooling": pooling})) for pooling in ("both", "max")
    )
    assert [recipe.columns for recipe in both if recipe.candidate][1:] == [
        ("views_4_max", "views_5_max"),
        ("views_4_max", "views_4_avg", "views_5_max", "views_5_avg"),
    ]
    assert maxima[-1].columns == ("views_4_max", "views_5_max")
    assert len(maxima) == len(both) - 1


def test_gains_compare_with_the_step_before():
    table = tabulate(results({RECIPES[0].name: 100, RECIPES[1].name: 120, RECIPES[2].name: 110}), 1)
    assert table["gain"][1:3].tolist() == [0.1, -0.05]
    assert (table["gain_low"][1:] <= table["gain"][1:]).all()
    assert np.isnan(table["gain"][0])


def test_distractors_have_labels_of_their_own_or_one_together():
    params = demo_params()
    rows = pd.DataFrame(
        {"query": ["ant", "cat", "dog", "bee"], "label": ["ant", "unknown", "unknown", "bee"]}
    )
    fine, places = head_labels(rows, params, label_per_distractor=True)
    assert (fine, places.tolist()) == (["ant", "bee", "cat", "dog"], [0, 2, 3, 1])
    coarse, places = head_labels(rows, params, label_per_distractor=False)
    assert (coarse, places.tolist()) == (["ant", "bee", "unknown"], [0, 2, 2, 1])


@pytest.fixture(scope="module")
def blobs() -> Examples:
    rng = np.random.default_rng(4)
    own = np.arange(90) % 3
    return Examples(3 * np.eye(3)[own] @ rng.normal(size=(3, 30)) + rng.normal(size=(90, 30)), own)


def test_dropout_head_learns_and_is_repeatable(blobs):
    fit = partial(fit_dropout_head, blobs, 3, QUICK.compare)
    head = fit(1)
    assert (head.logits(blobs.features).argmax(axis=1) == blobs.labels).mean() > 0.9
    assert head.losses[-1] < head.losses[0]
    assert (fit(1).kernel == head.kernel).all()
    assert (fit(2).kernel != head.kernel).any()


def test_every_recipe_predicts_held_out_images(blobs):
    for recipe in RECIPES[:3]:
        decays = [0.0] if recipe.dropout else [0.1, 0.01]
        fit = fitter_for(recipe, QUICK, decays, 3, 1)
        logits = out_of_fold_logits(blobs, 3, np.arange(90) // 30, fit)
        assert logits.shape == (len(decays), 90, 3)
        assert (logits[0].argmax(axis=1) == blobs.labels).mean() > 0.8
