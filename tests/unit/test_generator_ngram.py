import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herodex.generator.ngram import fit_ngram, probability, sequence_nats

TOKENS = 5
SEQUENCES = st.lists(st.lists(st.integers(1, TOKENS - 1), max_size=6).map(lambda s: [*s, 0]), max_size=8)


@given(SEQUENCES, st.integers(1, 4), st.lists(st.integers(0, TOKENS - 1), min_size=3, max_size=3))
def test_ngram_probabilities_sum_to_one(sequences: list[list[int]], order: int, context: list[int]) -> None:
    model = fit_ngram(sequences, order, TOKENS)
    width = tuple(context[: order - 1])
    probabilities = [probability(model, width, token) for token in range(TOKENS)]
    assert math.isclose(sum(probabilities), 1)
    assert min(probabilities) > 0


def test_bigram_matches_witten_bell_by_hand() -> None:
    model = fit_ngram([[1, 2, 0], [1, 0]], order=2, tokens=4)
    # Five tokens of three kinds: 0 and 1 twice each, 2 once.
    unigram = (2 + 3 * 1 / 4) / (5 + 3)
    assert probability(model, (), 1) == pytest.approx(unigram)
    # Both names start with 1, so one kind follows the edge.
    assert probability(model, (0,), 1) == pytest.approx((2 + 1 * unigram) / (2 + 1))
    assert probability(model, (3,), 1) == pytest.approx(unigram)


def test_ngram_without_data_is_uniform() -> None:
    model = fit_ngram([], order=3, tokens=TOKENS)
    assert sequence_nats(model, [[1, 2, 0], [0]]) == pytest.approx([3 * math.log(5), math.log(5)])


def test_sequence_nats_sum_over_steps() -> None:
    model = fit_ngram([[1, 2, 0], [1, 3, 0]], order=3, tokens=TOKENS)
    steps = [probability(model, (0, 0), 1), probability(model, (0, 1), 2), probability(model, (1, 2), 0)]
    assert sequence_nats(model, [[1, 2, 0]]) == pytest.approx([-sum(map(math.log, steps))])
