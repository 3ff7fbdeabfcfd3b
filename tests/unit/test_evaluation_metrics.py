from typing import Any

import numpy as np
import pandas as pd
import pytest

from herodex.evaluation.metrics import (
    accuracy,
    brier_score,
    calibration,
    expected_calibration_error,
    risk_coverage,
)
from herodex.evaluation.plots import reliability_figure
from herodex.evaluation.slices import measure_traits, slices
from herodex.statistics import proportion


def test_accuracy_is_the_share_of_correct_predictions():
    actual, predicted = np.array(["a", "b", "b", "c"]), np.array(["a", "b", "c", "c"])
    assert accuracy(actual, predicted, np.arange(4))["value"] == 0.75


def test_calibration_error_of_a_confident_wrong_answer():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1]])
    bins = calibration(np.array([0, 1]), probabilities, np.arange(2))
    bounds = {"low": 0.094531, "high": 0.905469}
    assert bins.to_dict("records") == [{"confidence": 0.9, "accuracy": 0.5, **bounds, "n": 2}]
    assert expected_calibration_error(bins) == pytest.approx(0.4)
    assert brier_score(np.array([0, 1]), probabilities) == pytest.approx((0.02 + 1.62) / 2)


def test_reliability_plot_has_the_interval_and_count_of_each_bin():
    probabilities = np.array([[0.55, 0.45], [0.95, 0.05], [0.95, 0.05]])
    bins = calibration(np.array([1, 0, 0]), probabilities, np.array(["a", "b", "b"]))
    assert bins["n"].tolist() == [1, 2]
    # Two images of one duplicate group count as one.
    assert bins["low"].tolist() == [0, proportion(1, 1)["low"]]
    risk = risk_coverage(np.array([False, True, True]), np.array([0.5, 0.9, 0.9]))
    left: Any = reliability_figure(bins, risk, "three images").axes[0]
    assert [text.get_text() for text in left.texts] == ["n = 1", "n = 2"]
    (bars,) = [each for each in left.collections if len(each.get_segments()) == 2]
    ends = [segment[:, 1].tolist() for segment in bars.get_segments()]
    assert ends == [pytest.approx([row.low, row.high]) for row in bins.itertuples()]


def test_risk_grows_with_coverage_where_uncertain_answers_are_wrong():
    table = risk_coverage(np.array([False, True, True, True]), np.array([0.1, 0.9, 0.8, 0.7]))
    assert table["coverage"].tolist() == [0.25, 0.5, 0.75, 1.0]
    assert table["risk"].tolist() == [0, 0, 0, 0.25]


def test_slices_of_few_images_are_left_out():
    rng = np.random.default_rng(0)
    drawing = np.zeros((40, 40, 3), np.uint8)
    photograph = rng.integers(0, 256, (40, 100, 3), np.uint8)
    rows = pd.DataFrame({"source": ["a"] * 6 + ["b"] * 2, "width": ["300"] * 8, "height": ["150"] * 8})
    found = slices(rows, [measure_traits(image) for image in [drawing] * 6 + [photograph] * 2])
    assert set(found) == {"flat colours, as drawings", "below 200 pixels", "dark", "from a"}
    assert found["dark"].tolist() == [True] * 6 + [False] * 2
