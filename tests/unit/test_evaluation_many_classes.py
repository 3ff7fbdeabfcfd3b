import numpy as np
import pandas as pd
import pytest

from herodex.dataset.answers_table import answers_table, read_probabilities
from herodex.evaluation.evaluate import curves, lowest_recall
from herodex.evaluation.metrics import brier_score, extremes
from herodex.evaluation.plots import confusion_figure, most_confused
from herodex.params import UNKNOWN
from herodex.statistics import proportion

NAMES = [f"class {i}" for i in range(1000)]
ANSWERS = [*NAMES, UNKNOWN]


def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of true answers, and probabilities; the first 20 classes are taken for the next one."""
    rng = np.random.default_rng(0)
    actual = np.arange(n) % 1000
    answered = np.where(actual < 20, actual + 1, actual)
    probabilities = rng.random((n, 1001)) / 1000
    probabilities[np.arange(n), answered] += 1
    return actual, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_confusion_of_many_classes_shows_those_with_most_errors_and_the_others():
    counts = np.diag(np.full(1001, 5))
    counts[np.arange(20), np.arange(20) + 1] += np.arange(1, 21)
    shown, labels = most_confused(counts, ANSWERS)
    assert shown.shape == (21, 21)
    assert labels[-1] == "981 others"
    assert shown.sum() == counts.sum()
    figure = confusion_figure(counts, ANSWERS, "title")
    assert len(figure.axes[0].get_yticklabels()) == 21
    assert "20 of 1001" in figure.axes[0].get_title()


def test_confusion_of_few_classes_shows_all():
    counts = np.eye(30, dtype=int)
    shown, labels = most_confused(counts, NAMES[:30])
    assert shown is counts
    assert labels == NAMES[:30]


def test_recall_of_many_answers_lists_the_worst_and_the_best():
    recall = {name: proportion(i // 10, 100) for i, name in enumerate(NAMES)}
    assert list(extremes(recall)) == [*NAMES[:10], *NAMES[-10:]]
    assert extremes(dict(list(recall.items())[:30])).keys() == set(NAMES[:30])


def test_curves_of_many_answers_are_those_of_the_lowest_recall():
    actual, probabilities = drawn(2000)
    names = np.array(ANSWERS)[actual]
    assert set(lowest_recall(names, probabilities, ANSWERS)) <= set(NAMES[:20])
    roc, precision_recall = curves(names, probabilities, ANSWERS)
    assert roc["label"].nunique() == precision_recall["label"].nunique() == 10


def test_probabilities_of_many_classes_are_read_from_the_likeliest_ones(tmp_path):
    actual, probabilities = drawn(200)
    rows = pd.DataFrame({"sha256": "a", "query": "q", "label": np.array(NAMES)[actual]})
    table = answers_table(rows, actual, probabilities, np.zeros(200), NAMES)
    assert len(table.columns) == 7
    table.to_csv(tmp_path / "table.csv", index=False)
    found = read_probabilities(pd.read_csv(tmp_path / "table.csv", dtype=str), NAMES)
    assert found == pytest.approx(probabilities, abs=1e-3)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_few_images_keep_all_probabilities():
    actual, probabilities = drawn(60)
    rows = pd.DataFrame({"sha256": "a", "query": "q", "label": np.array(NAMES)[actual]})
    assert f"p_{NAMES[-1]}" in answers_table(rows, actual, probabilities, np.zeros(60), NAMES)


def test_brier_score_in_blocks_is_the_mean_squared_distance():
    actual, probabilities = drawn(5000)
    part, truth = probabilities[:, :50], np.eye(50)[actual % 50]
    expected = ((part - truth) ** 2).sum(axis=1).mean()
    assert brier_score(actual % 50, part) == pytest.approx(expected, abs=1e-6)
