from functools import partial

import numpy as np
import pytest

from herodex.classifier.examples import Examples
from herodex.classifier.linear import fit_heads
from herodex.classifier.prior_correction import correct_prior, with_prior_correction
from herodex.classifier.recipes import fitter_for, list_recipes
from herodex.params import load_params

SETTINGS = load_params().classifier
FIT = partial(fit_heads, l2=[0.01])


def overlapping(sizes: list[int], seed: int) -> Examples:
    """Make images of classes whose features overlap, in more dimensions than there are images."""
    rng, labels = np.random.default_rng(seed), np.repeat(np.arange(len(sizes)), sizes)
    centres = np.random.default_rng(0).normal(0, 0.35, (len(sizes), 200))
    return Examples((centres[labels] + rng.normal(size=(len(labels), 200))).astype(np.float32), labels)


def recalls(head, test: Examples) -> np.ndarray:
    right = head.logits(test.features).argmax(axis=1) == test.labels
    return np.array([right[test.labels == label].mean() for label in np.unique(test.labels)])


def test_rare_class_gains_recall_and_the_mean_recall_rises():
    test, before, after = overlapping([200, 200, 200], 99), [], []
    for seed in range(5):
        taught = overlapping([100, 100, 5], seed)
        (plain,) = FIT(taught, 3)
        before.append(recalls(plain, test))
        after.append(recalls(correct_prior(plain, taught.labels, 3, 2.0), test))
    assert np.mean(after, axis=0)[2] > np.mean(before, axis=0)[2] + 0.1
    assert np.mean(after) > np.mean(before) + 0.02


def test_classes_within_the_ratio_keep_their_logits_to_the_digit():
    taught = overlapping([40, 20, 30], 1)
    (plain,) = FIT(taught, 3)
    (corrected,) = with_prior_correction(FIT, 3, 2.0)(taught, 3)
    assert (corrected.logits(taught.features) == plain.logits(taught.features)).all()


def test_rare_class_is_raised_to_the_ratio_and_no_further():
    taught = overlapping([40, 4], 1)
    (plain,) = FIT(taught, 2)
    rise = correct_prior(plain, taught.labels, 2, 2.0).bias - plain.bias
    assert rise == pytest.approx([0, np.log(5)])
    rise = correct_prior(plain, taught.labels, 2, 1.0).bias - plain.bias
    assert rise == pytest.approx([0, np.log(10)])


def test_distractors_are_neither_raised_nor_a_measure_of_the_classes():
    taught = overlapping([20, 20, 400, 2], 1)
    (plain,) = FIT(taught, 4)
    assert (correct_prior(plain, taught.labels, 2, 2.0).bias == plain.bias).all()


def test_class_without_images_is_still_never_answered():
    taught = overlapping([40, 4], 1)
    (plain,) = FIT(taught, 3)
    assert correct_prior(plain, taught.labels, 3, 2.0).bias[2] == -np.inf


@pytest.mark.parametrize(("ratio", "rise"), [(2.0, np.log(5)), (None, 0)])
def test_every_candidate_recipe_follows_the_setting(ratio, rise):
    train = SETTINGS.train.model_copy(update={"max_prior_ratio": ratio})
    settings, taught = SETTINGS.model_copy(update={"train": train}), overlapping([40, 4], 1)
    for recipe in (one for one in list_recipes(settings.embed) if one.candidate):
        (head,) = fitter_for(recipe, settings, [0.01], 2, 1)(taught, 2)
        (plain,) = FIT(taught, 2)
        assert head.bias - plain.bias == pytest.approx([0, rise])
