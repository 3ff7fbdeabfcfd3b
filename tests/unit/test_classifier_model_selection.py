from typing import Any

import numpy as np
import pytest

from herodex.classifier.model_selection import Answers, Unseen, ood_metrics

NAMES = ["cat", "dog", "eel", "fox"]


def answers(rows: list[int], unknown: list[float]) -> Answers:
    """Answers with these probabilities of `unknown`; the classes share the rest."""
    of_unknown = np.array(unknown)
    known = np.repeat((1 - of_unknown)[:, None] / 2, 2, axis=1)
    probabilities = np.column_stack([known, of_unknown])
    return Answers(np.array(rows), probabilities, np.zeros(len(rows)), np.zeros(len(rows)))


def unseen_answers(label: int, rows: list[int], unknown: list[float]) -> Unseen:
    """Answers to the images of a left-out label."""
    found = answers(rows, unknown)
    return Unseen(found.rows, found.probabilities, (label,))


LABELS = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
KNOWN = [0.1, 0.2, 0.6, 0.1, 0.3, 0.2]
UNSEEN = {2: [0.2, 0.8, 0.9], 3: [0.7, 0.1, 0.6]}


def metrics(times: int, groups: np.ndarray) -> dict[str, Any]:
    """Metrics of images that occur several times."""
    places = np.arange(12 * times).reshape(times, 12)
    known = answers(places[:, :6].ravel().tolist(), KNOWN * times)
    unseen = {
        label: unseen_answers(label, places[:, 3 * label : 3 * label + 3].ravel().tolist(), of_label * times)
        for label, of_label in UNSEEN.items()
    }
    return ood_metrics(known, np.tile(LABELS, times), groups, unseen, 2, NAMES, seed=1)


def test_intervals_of_equal_images_are_those_of_their_groups():
    alone, repeated = metrics(1, np.arange(12)), metrics(4, np.tile(np.arange(12), 4))
    assert repeated["auroc"]["value"] == alone["auroc"]["value"]
    apart = metrics(4, np.arange(48))
    for figures in ("auroc", "false_reject_rate"):
        assert repeated[figures]["n"] == apart[figures]["n"] == 4 * alone[figures]["n"]
        widths = [found[figures]["high"] - found[figures]["low"] for found in (alone, repeated, apart)]
        assert widths[1] == pytest.approx(widths[0], abs=0.02)
        assert widths[2] < 0.8 * widths[0]
    fox = [found["left_out"]["fox"]["false_accept_rate"] for found in (alone, repeated, apart)]
    assert fox[1] == {**fox[0], "n": 12}
    assert fox[2]["low"] > fox[0]["low"]


def test_groups_of_classes_left_out_in_turn_are_apart_from_those_of_their_first_answers():
    rows, groups = list(range(6)), np.array(list("aabbcc"))
    known, labels = answers(rows, KNOWN), np.array([0, 0, 0, 1, 1, 1])
    unseen = {0: unseen_answers(0, rows[:3], UNSEEN[2]), 1: unseen_answers(1, rows[3:], UNSEEN[3])}
    found = ood_metrics(known, labels, groups, unseen, 2, NAMES[:2], seed=1)["auroc"]
    again = {
        0: unseen_answers(0, [6, 7, 8], UNSEEN[2]),
        1: unseen_answers(1, [9, 10, 11], UNSEEN[3]),
    }
    others = np.concatenate([groups, np.array(list("ddeeff"))])
    assert ood_metrics(known, np.tile(labels, 2), others, again, 2, NAMES[:2], seed=1)["auroc"] == found
