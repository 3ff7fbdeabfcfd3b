import numpy as np
import pytest

from herodex.generator.folds import Fold
from herodex.generator.model_selection import best_nats, comparison, nested_nats, out_of_reach, take_folds

FOLDS = np.array([0, 0, 1, 1, 2])
BY_EPOCH = np.array(
    [
        # Nats of five texts after each of three epochs; the columns of a fold share its curve.
        [3.0, 3.0, 1.0, 1.0, 4.0],
        [2.0, 2.0, 2.0, 2.0, 3.0],
        [1.0, 1.0, 4.0, 4.0, 3.5],
    ]
)


def test_nested_nats_are_those_of_the_epoch_that_the_other_folds_select():
    # Folds 1 and 2: 6, 7, 11.5, so epoch 1. Folds 0 and 2: 10, 7, 5.5, so epoch 3. Folds 0 and 1: 8, 8, 10.
    assert nested_nats(BY_EPOCH, FOLDS).tolist() == [3.0, 3.0, 4.0, 4.0, 4.0]


def test_nested_nats_exceed_the_least_nats_over_epochs():
    assert nested_nats(BY_EPOCH, FOLDS).sum() == 18 > BY_EPOCH.sum(axis=1).min() == 11


def test_nested_nats_do_not_depend_on_a_folds_own_curve():
    changed = BY_EPOCH.copy()
    changed[:, 4] = [9.0, 8.0, 7.0]
    assert nested_nats(changed, FOLDS)[4] == 9.0


def test_folds_that_agree_have_the_nats_of_their_common_epoch():
    curve = np.array([[3.0], [2.0], [2.5]])
    assert nested_nats(np.tile(curve, 5), FOLDS) == pytest.approx([2.0] * 5)


def test_single_fold_selects_its_epoch_itself():
    assert nested_nats(BY_EPOCH[:, :2], FOLDS[:2]).tolist() == [1.0, 1.0]


def test_best_nats_are_those_of_the_epoch_with_least_sum():
    assert best_nats(BY_EPOCH).tolist() == [2.0, 2.0, 2.0, 2.0, 3.0]


def test_comparison_selects_the_weights_with_less_nats_and_keeps_the_first_if_equal():
    texts = ["abc", "de", "f"]
    low, high = np.array([3.0, 2.0, 1.0]), np.array([4.0, 3.0, 2.0])
    record = comparison({"pretrained": high, "random": low}, texts, 2, seed=1)
    assert record["selected"] == "random"
    assert record["pretrained"]["value"] == pytest.approx(9 / 9)
    assert record["random"]["value"] == pytest.approx(6 / 9, abs=1e-5)
    assert record["gain"]["value"] == pytest.approx(-3 / 9, abs=1e-5)
    assert (record["folds"], record["gain"]["n"]) == (2, 3)
    assert comparison({"pretrained": low, "random": low}, texts, 2, seed=1)["selected"] == "pretrained"


def test_trial_folds_hold_out_enough_names():
    folds = [Fold(str(size), [], ["name"] * size) for size in (3, 4, 5)]
    assert [fold.name for fold in take_folds(folds, 3)] == ["3"]
    assert [fold.name for fold in take_folds(folds, 4)] == ["3", "4"]
    assert [fold.name for fold in take_folds(folds, 100)] == ["3", "4", "5"]


def test_rival_is_given_up_when_its_rate_cannot_close_the_gap():
    slow = [3.5, 3.4, 3.3, 3.2, 3.15, 3.1]
    assert out_of_reach(slow, 2.5)
    assert not out_of_reach(slow, 2.9)
    assert not out_of_reach(slow[:5], 1.0)
    rising = [2.0, 2.1, 2.2, 2.3, 2.4, 2.5]
    assert out_of_reach(rising, 2.4)
    assert not out_of_reach(rising, 2.6)
