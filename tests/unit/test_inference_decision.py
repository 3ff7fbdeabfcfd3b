import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from herodex.inference.decision import (
    answer_positions,
    confidence_sets,
    decision_margin,
    known_answers,
    posterior,
    set_threshold,
)

LOGITS = arrays(np.float64, (20, 5), elements=st.floats(-50, 50))
SCORES = arrays(np.float64, 20, elements=st.floats(-50, 50))


@settings(max_examples=500)
@given(LOGITS, SCORES, st.floats(0.1, 10), st.floats(0, 1))
def test_label_known_probabilities_and_set_never_contradict(logits, scores, temperature, least):
    # 500 draws of 20 posteriors are 10,000.
    probabilities = posterior(logits, scores, 3, temperature)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities >= 0).all()
    known = known_answers(probabilities)
    positions = answer_positions(probabilities)
    assert ((positions < 3) == known).all()
    answers = probabilities[np.arange(20), positions]
    assert (answers == probabilities.max(axis=1)).all()
    sets = confidence_sets(probabilities, least)
    assert sets[np.arange(20), positions].all()
    left_out = np.where(sets, np.inf, least - probabilities).min(axis=1)
    assert (left_out > 0).all()


@settings(max_examples=100)
@given(LOGITS, SCORES, st.floats(0.1, 10))
def test_a_class_wins_where_the_margin_is_positive(logits, scores, temperature):
    margin = decision_margin(logits, scores, 3, temperature)
    clear = np.abs(margin) > 1e-9
    known = known_answers(posterior(logits, scores, 3, temperature))
    assert (known == (margin >= 0))[clear].all()


def test_unknown_takes_what_the_score_says_and_classes_share_the_rest():
    logits = np.log([[0.6, 0.2, 0.2]])
    found = posterior(logits, np.array([np.log(3.0)]), 2, 1.0)
    assert found[0] == pytest.approx([0.75 * 0.75, 0.25 * 0.75, 0.25])


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_sets_hold_the_true_answer_as_often_as_promised(coverage):
    rng = np.random.default_rng(0)

    def draw(n: int) -> tuple[np.ndarray, np.ndarray]:
        logits, scores = 2 * rng.normal(size=(n, 3)), 2 * rng.normal(size=n)
        probabilities = posterior(logits, scores, 3, 1.0)
        cumulated = probabilities.cumsum(axis=1)
        return probabilities, (rng.random((n, 1)) < cumulated).argmax(axis=1)

    held_out, true = draw(2000)
    least = set_threshold(held_out[np.arange(2000), true], coverage)
    fresh, answers = draw(20_000)
    covered = confidence_sets(fresh, least)[np.arange(20_000), answers]
    assert covered.mean() >= coverage - 0.015


def test_few_held_out_images_give_sets_of_all_answers():
    assert set_threshold(np.array([0.9, 0.8]), 0.95) == 0
