import math

import pytest

from crawlers.json_object import read_object
from crawlers.spiders.search import Wanted, search_words

WANTED = Wanted(count=10, licenses=("by",), types=("jpg", "png"), min_side=200)


@pytest.mark.parametrize("name", ["jpg", "jpeg", "JPEG", "png", "", None, 7])
def test_wanted_or_unstated_type_is_accepted(name):
    assert WANTED.accepts_type(name)


@pytest.mark.parametrize("name", ["svg", "gif", "svg+xml", "tiff"])
def test_other_type_is_rejected(name):
    assert not WANTED.accepts_type(name)


@pytest.mark.parametrize(
    "sides", [(200, 200), (1000, None), (None, None), ("100", 300), (0, 0), (-5, 300), (math.nan, 300)]
)
def test_long_or_unstated_sides_are_accepted(sides):
    assert WANTED.accepts_size(*sides)


@pytest.mark.parametrize("sides", [(199, 1000), (1000, 199), (None, 12), (3.5, 1000)])
def test_short_side_is_rejected(sides):
    assert not WANTED.accepts_size(*sides)


@pytest.mark.parametrize(
    ("query", "words"), [("hulk", "hulk"), ("iron-man", "iron man"), ("a--b-", "a b"), ("x-23", "x 23")]
)
def test_class_name_becomes_search_words(query, words):
    assert search_words(query) == words


def test_json_object_is_read():
    assert read_object(b'{"a": [1, "\\u00e9"]}') == {"a": [1, "é"]}


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[]", "null", '{"a": 1', b"\xff\xfe\xfa", "[" * 100_000, '{"a": 1} {"b": 2}']
)
def test_other_json_is_an_error(text):
    with pytest.raises(ValueError, match="it is no JSON"):
        read_object(text)
