import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont

from herodex.curation.contact_sheets import SIDE, contact_sheet
from herodex.evaluation import baseline, evaluate
from herodex.evaluation.answered import OUT_OF_FOLD, TEST_PART
from herodex.evaluation.baseline import (
    BINS,
    colour_histogram,
    colour_histograms,
    cross_predict_by_colour,
    predict_by_colour,
)
from herodex.evaluation.evaluate import (
    curves,
    label_metrics,
    logged_metrics,
    ood_metrics,
    set_metrics,
    worst_errors,
)

GROUPS = np.arange(5).astype(str)
LABELS = ["cat", "dog", "unknown"]
ACTUAL = np.array(["cat", "cat", "dog", "unknown", "unknown"])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.6, 0.2, 0.2]]
)


def test_accuracy_counts_unknown_as_an_answer():
    found = label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1)
    assert (found["accuracy"]["value"], found["accuracy"]["n"]) == (0.6, 5)


def test_accuracy_known_leaves_unknown_out():
    found = label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1)
    assert (found["accuracy_known"]["value"], found["accuracy_known"]["n"]) == (0.666667, 3)


def test_recall_of_each_label_has_its_count():
    recall = label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1)["recall"]
    assert {label: (found["value"], found["n"]) for label, found in recall.items()} == {
        "cat": (0.5, 2),
        "dog": (1.0, 1),
        "unknown": (0.5, 2),
    }


def test_balanced_accuracy_is_the_mean_recall_with_an_interval():
    found = label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1)["balanced_accuracy"]
    assert (found["value"], found["n"]) == (0.666667, 5)
    assert 0 < found["low"] < found["value"] < found["high"] < 1


def test_intervals_are_wider_where_images_are_duplicates_of_each_other():
    apart = label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1)["accuracy"]
    alike = label_metrics(ACTUAL, PROBABILITIES, np.array(list("aabbc")), LABELS, seed=1)["accuracy"]
    assert alike["value"] == apart["value"]
    assert alike["low"] < apart["low"]
    assert apart["high"] < alike["high"]


def test_auroc_counts_groups_of_equal_images_once():
    def interval(times: int, groups: np.ndarray) -> dict[str, float]:
        repeated = np.tile(ACTUAL, times), np.tile(PROBABILITIES, (times, 1))
        return label_metrics(*repeated, groups, LABELS, seed=1)["auroc_known"]

    alone = interval(1, GROUPS)
    assert interval(4, np.tile(GROUPS, 4)) == {**alone, "n": 20}
    assert interval(4, np.arange(20).astype(str))["low"] > alone["low"]


def test_without_distractors_there_is_no_auroc():
    found = label_metrics(ACTUAL[:3], PROBABILITIES[:3], GROUPS[:3], LABELS, seed=1)
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


@pytest.mark.parametrize("many_logits", [0, 2_000_000])
def test_the_baseline_learns_colours(monkeypatch, many_logits):
    monkeypatch.setattr(baseline, "MANY_LOGITS", many_logits)
    rng = np.random.default_rng(0)
    reds = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([160, 0, 0], np.uint8) for _ in range(12)]
    blues = [rng.integers(0, 90, (8, 8, 3), np.uint8) + np.array([0, 0, 160], np.uint8) for _ in range(12)]
    labels = np.array(["red"] * 10 + ["blue"] * 10)
    images = {f"{i}.png": image for i, image in enumerate(reds[:10] + blues[:10] + reds[10:] + blues[10:])}
    names = list(images)
    train, test = (colour_histograms(part, images.__getitem__) for part in (names[:20], names[20:]))
    found = predict_by_colour(train, labels, test, seed=1)
    assert found.tolist() == ["red", "red", "blue", "blue"]


def test_false_accepts_and_false_rejects_follow_the_answers():
    found = ood_metrics(ACTUAL, PROBABILITIES, GROUPS)
    assert (found["false_reject_rate"]["value"], found["false_reject_rate"]["n"]) == (0.333333, 3)
    assert (found["false_accept_rate"]["value"], found["false_accept_rate"]["n"]) == (0.5, 2)


def test_sets_hold_the_answer_and_all_answers_that_are_likely_enough():
    position = np.array([LABELS.index(label) for label in ACTUAL])
    found = set_metrics(position, PROBABILITIES, np.full(len(position), 0.2), GROUPS)
    assert (found["coverage"]["value"], found["coverage"]["n"], found["mean_size"]) == (1.0, 5, 1.8)


def test_logged_metrics_are_named_by_the_split():
    found = {
        "answers": TEST_PART,
        **label_metrics(ACTUAL, PROBABILITIES, GROUPS, LABELS, seed=1),
        "calibration": {"ece": 0.1, "brier": 0.2, "n": 5},
        "baseline": {"accuracy": {"value": 0.3}},
    }
    logged = logged_metrics(found)
    assert set(logged) == {
        "test_accuracy",
        "test_balanced_accuracy",
        "test_accuracy_known",
        "test_auroc_known",
        "test_f1_macro",
        "test_ece",
        "test_brier",
        "test_baseline_accuracy",
    }
    assert (logged["test_accuracy"], logged["test_baseline_accuracy"]) == (0.6, 0.3)
    del found["auroc_known"]
    assert "test_auroc_known" not in logged_metrics(found)
    assert "out_of_fold_accuracy" in logged_metrics(found | {"answers": OUT_OF_FOLD})


def test_the_cross_validated_baseline_never_learns_a_group_that_it_predicts():
    # Each group has a colour and a label of its own, so that only a model that has seen it can know it.
    histograms, groups = np.repeat(np.eye(6), 5, axis=0), np.repeat(np.arange(6), 5)
    labels = groups.astype(str)
    predicted = cross_predict_by_colour(histograms, labels, groups, folds=3, seed=1)
    assert (predicted != labels).all()


@pytest.fixture
def wrong_answers(monkeypatch):
    """Return the contact sheet's cells of three images, two of them wrong, for two class names."""
    monkeypatch.setattr(evaluate, "read_clean", lambda _: np.full((60, 80, 3), 200, np.uint8))

    def cells(*classes: str):
        hashes = [digit * 64 for digit in "abc"]
        test = pd.DataFrame({"file": hashes, "query": classes[0], "sha256": hashes, "label": classes[0]})
        probabilities = np.array([[0.9, 0.05, 0.05], [0.1, 0.7, 0.2], [0.02, 0.97, 0.01]])
        return worst_errors(test, probabilities, [*classes, "unknown"])

    return cells


def test_captions_of_wrong_answers_fit_and_have_glyphs(wrong_answers):
    captions = [caption for _, caption in wrong_answers("batman", "a class with a very long name")]
    assert captions[0].splitlines() == [
        "asked: batman",
        "answer: 0.97 a class with a very long name",
        "c" * 12,
    ]
    assert [caption.splitlines()[2][0] for caption in captions] == ["c", "b"]
    font = ImageFont.load_default(12)
    assert font.getlength("answer: 0.97 batman") < SIDE

    def drawn(sign: str) -> bytes:
        page = Image.new("L", (20, 20))
        ImageDraw.Draw(page).text((2, 2), sign, 255, font)
        return page.tobytes()

    assert drawn("→") == drawn("\uffff")
    signs = set("".join(captions)) - {"\n"}
    assert [sign for sign in signs if drawn(sign) == drawn("\uffff")] == []


@pytest.mark.parametrize("name", ["pokémon", "漢字", "Бэтмен", "الرجل", "🦸", "→", "e" * 300])
def test_class_names_in_any_script_leave_the_contact_sheet_whole(wrong_answers, name):
    expected = contact_sheet("wrong", wrong_answers("hulk", "batman"))
    found = contact_sheet("wrong", wrong_answers(name, "batman"))
    assert found.size == expected.size
    assert contact_sheet("wrong", wrong_answers("hulk", name)).size == expected.size
    # The probability and the hash are drawn the same.
    caption = np.asarray(found)[-44:, :100], np.asarray(expected)[-44:, :100]
    assert (caption[0] == caption[1]).all()
