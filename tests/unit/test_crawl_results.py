import json

import pytest

from crawlers.page_text import one_line
from crawlers.spiders.demo_search import read_result

STATED = {
    "image": "http://a.test/1.jpg",
    "page": "http://a.test/1",
    "title": "A title",
    "author": "An author",
    "license": "CC0 1.0",
    "license_url": "http://cc.test/",
    "rank": 99,
}


def test_result_is_read_with_all_its_fields():
    assert read_result(json.dumps(STATED)) == {
        "image_url": "http://a.test/1.jpg",
        "page_url": "http://a.test/1",
        "title": "A title",
        "author": "An author",
        "license": "CC0 1.0",
        "license_url": "http://cc.test/",
    }


def test_missing_fields_of_a_result_are_empty():
    result = read_result('{"image": "http://a.test/1.jpg", "title": null, "author": 7}')
    assert [result[key] for key in ("page_url", "title", "author", "license")] == ["", "", "", ""]


@pytest.mark.parametrize("data", ["", "no JSON", "[]", "null", "{}", '{"image": null}', '{"image": ["a"]}'])
def test_result_without_an_image_is_an_error(data):
    with pytest.raises(ValueError, match=r"."):
        read_result(data)


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
def test_one_line_makes_text_printable(text, line):
    assert one_line(text) == line
