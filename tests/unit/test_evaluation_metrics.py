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
from herodex.evaluation.slices import measure_traits, slices


def test_accuracy_is_the_share_of_correct_predictions():
    assert accuracy(np.array(["a", "b", "b", "c"]), np.array(["a", "b", "c", "c"]))["value"] == 0.75


def test_calibration_error_of_a_confident_wrong_answer():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1]])
    bins = calibration(np.array([0, 1]), probabilities)
    assert bins.to_dict("records") == [{"confidence": 0.9, "accuracy": 0.5, "n": 2}]
    assert expected_calibration_error(bins) == pytest.approx(0.4)
    assert brier_score(np.array([0, 1]), probabilities) == pytest.approx((0.02 + 1.62) / 2)


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
