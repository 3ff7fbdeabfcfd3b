import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from herodex.generator.vocabulary import EDGE, build_vocabulary, decode, encode, pad


def test_tokens_follow_the_sorted_characters_between_edge_and_unknown() -> None:
    vocabulary = build_vocabulary(["mew", "é♀"])
    assert vocabulary.characters == ("e", "m", "w", "é", "♀")
    assert (vocabulary.size, vocabulary.unknown) == (7, 6)
    assert encode(vocabulary, ["wem", "é", ""]) == [[3, 1, 2, EDGE], [4, EDGE], [EDGE]]


def test_a_character_outside_the_vocabulary_becomes_the_unknown_token() -> None:
    vocabulary = build_vocabulary(["ab"])
    assert encode(vocabulary, ["aß字b"]) == [[1, 3, 3, 2, EDGE]]


@given(st.lists(st.text(), min_size=1))
def test_known_texts_come_back_from_their_tokens(texts: list[str]) -> None:
    vocabulary = build_vocabulary(texts)
    assert [decode(vocabulary, tokens) for tokens in encode(vocabulary, texts)] == texts


def test_what_follows_the_stop_is_not_decoded() -> None:
    assert decode(build_vocabulary(["ab"]), np.array([2, 1, EDGE, 2])) == "ba"


def test_padding_shifts_inputs_by_one_and_gives_it_no_weight() -> None:
    inputs, targets, weights = pad([[1, 2, EDGE], [3, EDGE]])
    np.testing.assert_array_equal(inputs, [[EDGE, 1, 2], [EDGE, 3, EDGE]])
    np.testing.assert_array_equal(targets, [[1, 2, EDGE], [3, EDGE, EDGE]])
    np.testing.assert_array_equal(weights, [[1, 1, 1], [1, 1, 0]])
    assert (inputs.dtype, targets.dtype, weights.dtype) == (np.int32, np.int32, np.float32)
