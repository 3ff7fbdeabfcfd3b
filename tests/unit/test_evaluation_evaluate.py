import numpy as np
import pytest

from herodex.evaluation.baseline import BINS, colour_histogram, predict_by_colour
from herodex.evaluation.evaluate import curves, measure

LABELS = ["cat", "dog", "unknown"]
ACTUAL = np.array(["cat", "cat", "dog", "unknown", "unknown"])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]]
)


def test_accuracy_counts_unknown_as_a_label_like_any_other():
    figures = measure(ACTUAL, PROBABILITIES, LABELS, seed=1)
    assert (figures["accuracy"]["value"], figures["accuracy"]["n"]) == (0.6, 5)


def test_accuracy_among_the_classes_leaves_unknown_out():
    figures = measure(ACTUAL, PROBABILITIES, LABELS, seed=1)
    assert (figures["accuracy_known"]["value"], figures["accuracy_known"]["n"]) == (0.666667, 3)


def test_recall_is_given_for_each_label_with_its_count():
    recall = measure(ACTUAL, PROBABILITIES, LABELS, seed=1)["recall"]
    assert {label: (figure["value"], figure["n"]) for label, figure in recall.items()} == {
        "cat": (0.5, 2),
        "dog": (1.0, 1),
        "unknown": (0.5, 2),
    }


def test_without_distractors_there_is_no_figure_about_them():
    figures = measure(ACTUAL[:3], PROBABILITIES[:3], LABELS, seed=1)
    assert "auroc_known" not in figures
    assert set(figures["recall"]) == {"cat", "dog"}


def test_curves_start_and_end_where_they_must():
    roc, precision_recall = curves(ACTUAL, PROBABILITIES, LABELS)
    for _, curve in roc.groupby("label"):
        assert curve.iloc[0, 1:].tolist() == [0, 0]
        assert curve.iloc[-1, 1:].tolist() == [1, 1]
    assert precision_recall.groupby("label")["recall"].max().tolist() == [1, 1, 1]


def test_a_histogram_counts_each_colour_once():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2] = 255
    histogram = colour_histogram(image)
    assert histogram[0] == histogram[BINS**3 - 1] == 0.5
    assert histogram.sum() == pytest.approx(1)


def test_the_baseline_learns_what_colour_tells():
    rng = np.random.default_rng(0)
    reds = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([160, 0, 0], np.uint8) for _ in range(12)]
    blues = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([0, 0, 160], np.uint8) for _ in range(12)]
    labels = np.array(["red"] * 10 + ["blue"] * 10)
    found = predict_by_colour(reds[:10] + blues[:10], labels, reds[10:] + blues[10:], seed=1)
    assert found.tolist() == ["red", "red", "blue", "blue"]
