import logging
from pathlib import Path

import numpy as np
import pytest

from herodex.errors import UserError
from herodex.serving.drift import QUANTILES, OodDrift, load_quantiles, rank


def test_rank_is_the_share_of_training_images_with_a_lower_score() -> None:
    scores = np.random.default_rng(1).normal(3, 2, 2000)
    quantiles = np.quantile(scores, np.linspace(0, 1, 101))
    for score in (-1.0, 2.0, 3.0, 5.5):
        assert rank(quantiles, score) == pytest.approx((scores < score).mean(), abs=0.005)
    assert (rank(quantiles, -100.0), rank(quantiles, 100.0)) == (0, 1)


def test_missing_quantiles_are_logged_and_nothing_is_observed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        OodDrift(tmp_path).observe(1.0)
    assert "ood_quantiles.npy is missing; train the classifier again" in caplog.text


@pytest.mark.parametrize(
    "values", [[1.0], [2.0, 1.0], [0.0, float("nan")], [[0.0, 1.0], [2.0, 3.0]]], ids=str
)
def test_damaged_quantiles_are_reported(tmp_path: Path, values: list[object]) -> None:
    file = tmp_path / QUANTILES
    file.parent.mkdir(parents=True)
    np.save(file, np.array(values, float))
    with pytest.raises(UserError, match="is damaged"):
        load_quantiles(file)
