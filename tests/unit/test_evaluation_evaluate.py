import numpy as np
import pytest

from herodex.evaluation.baseline import BINS, colour_histogram, colour_histograms, predict_by_colour
from herodex.evaluation.evaluate import curves, label_metrics, ood_metrics

LABELS = ["cat", "dog", "unknown"]
ACTUAL = np.array(["cat", "cat", "dog", "unknown", "unknown"])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]]
)


def test_accuracy_counts_unknown_as_an_answer():
    found = label_metrics(ACTUAL, PROBABILITIES, LABELS, seed=1)
    assert (found["accuracy"]["value"], found["accuracy"]["n"]) == (0.6, 5)


def test_accuracy_known_leaves_unknown_out():
    found = label_metrics(ACTUAL, PROBABILITIES, LABELS, seed=1)
    assert (found["accuracy_known"]["value"], found["accuracy_known"]["n"]) == (0.666667, 3)


def test_recall_of_each_label_has_its_count():
    recall = label_metrics(ACTUAL, PROBABILITIES, LABELS, seed=1)["recall"]
    assert {label: (found["value"], found["n"]) for label, found in recall.items()} == {
        "cat": (0.5, 2),
        "dog": (1.0, 1),
        "unknown": (0.5, 2),
    }


def test_without_distractors_there_is_no_auroc():
    found = label_metrics(ACTUAL[:3], PROBABILITIES[:3], LABELS, seed=1)
    assert "auroc_known" not in found
    assert set(found["recall"]) == {"cat", "dog"}


def test_curves_start_and_end_at_their_corners():
    roc, precision_recall = curves(ACTUAL, PROBABILITIES, LABELS)
    for _, curve in roc.groupby("label"):
        assert curve.iloc[0, 1:].tolist() == [0, 0]
        assert curve.iloc[-1, 1:].tolist() == [1, 1]
    assert precision_recall.groupby("label")["recall"].max().tolist() == [1, 1, 1]


def test_histogram_shares_sum_to_1():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2] = 255
    histogram = colour_histogram(image)
    assert histogram[0] == histogram[BINS**3 - 1] == 0.5
    assert histogram.sum() == pytest.approx(1)


def test_the_baseline_learns_colours():
    rng = np.random.default_rng(0)
    reds = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([160, 0, 0], np.uint8) for _ in range(12)]
    blues = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([0, 0, 160], np.uint8) for _ in range(12)]
    labels = np.array(["red"] * 10 + ["blue"] * 10)
    images = {f"{i}.png": image for i, image in enumerate(reds[:10] + blues[:10] + reds[10:] + blues[10:])}
    names = list(images)
    train, test = (colour_histograms(part, images.__getitem__) for part in (names[:20], names[20:]))
    found = predict_by_colour(train, labels, test, seed=1)
    assert found.tolist() == ["red", "red", "blue", "blue"]


def test_false_accepts_and_false_rejects_are_counted_at_the_threshold():
    scores = np.array([0.9, 0.2, 0.8, 0.7, 0.1])
    found = ood_metrics(ACTUAL, scores, 0.5)
    assert (found["false_reject_rate"]["value"], found["false_reject_rate"]["n"]) == (0.333333, 3)
    assert (found["false_accept_rate"]["value"], found["false_accept_rate"]["n"]) == (0.5, 2)
