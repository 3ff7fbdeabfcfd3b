import json

import pytest

from crawlers.items import SearchResult
from crawlers.spiders.hero_images import one_line, read_result

STATED = {
    "picture": "http://a.test/1.jpg",
    "page": "http://a.test/1",
    "title": "A title",
    "author": "An author",
    "licence": "CC0 1.0",
    "licence_url": "http://cc.test/",
    "rank": 99,
}


def test_a_result_is_read_with_its_place_on_the_page():
    assert read_result("a query", 3, json.dumps(STATED)) == SearchResult(
        query="a query",
        rank=3,
        picture_url="http://a.test/1.jpg",
        page_url="http://a.test/1",
        title="A title",
        author="An author",
        licence="CC0 1.0",
        licence_url="http://cc.test/",
    )


def test_what_a_result_does_not_state_is_empty():
    result = read_result("a query", 1, '{"picture": "http://a.test/1.jpg", "title": null, "author": 7}')
    assert (result.page_url, result.title, result.author, result.licence) == ("", "", "", "")


@pytest.mark.parametrize(
    "data", ["", "no JSON", "[]", "null", "{}", '{"picture": null}', '{"picture": ["a"]}']
)
def test_a_result_without_a_picture_is_an_error(data):
    with pytest.raises(ValueError, match=r"."):
        read_result("a query", 1, data)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("a lone \ud800 surrogate", "a lone surrogate"),
        ("a \0 zero", "a zero"),
        ("  Ünï©ode  人  ", "Ünï©ode 人"),
        (None, ""),
        (7, ""),
    ],
)
def test_text_is_made_one_printable_line(text, line):
    assert one_line(text) == line
