import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from herodex.generator.vocabulary import EDGE, build_vocabulary, decode, encode, pad


def test_tokens_are_edge_then_sorted_characters_then_unknown() -> None:
    vocabulary = build_vocabulary(["mew", "é♀"])
    assert vocabulary.characters == ("e", "m", "w", "é", "♀")
    assert (vocabulary.size, vocabulary.unknown) == (7, 6)
    assert encode(vocabulary, ["wem", "é", ""]) == [[3, 1, 2, EDGE], [4, EDGE], [EDGE]]


def test_encode_maps_other_characters_to_unknown_token() -> None:
    vocabulary = build_vocabulary(["ab"])
    assert encode(vocabulary, ["aß字b"]) == [[1, 3, 3, 2, EDGE]]


@given(st.lists(st.text(), min_size=1))
def test_decode_inverts_encode(texts: list[str]) -> None:
    vocabulary = build_vocabulary(texts)
    assert [decode(vocabulary, tokens) for tokens in encode(vocabulary, texts)] == texts


def test_decode_stops_at_edge() -> None:
    assert decode(build_vocabulary(["ab"]), [2, 1, EDGE, 2]) == "ba"


def test_pad_shifts_inputs_by_one_and_gives_padding_no_weight() -> None:
    inputs, targets, weights = pad([[1, 2, EDGE], [3, EDGE]])
    np.testing.assert_array_equal(inputs, [[EDGE, 1, 2], [EDGE, 3, EDGE]])
    np.testing.assert_array_equal(targets, [[1, 2, EDGE], [3, EDGE, EDGE]])
    np.testing.assert_array_equal(weights, [[1, 1, 1], [1, 1, 0]])
    assert (inputs.dtype, targets.dtype, weights.dtype) == (np.int32, np.int32, np.float32)
