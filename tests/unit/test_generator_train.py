import numpy as np
import pytest

from herodex.generator.train import nested_nats

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
