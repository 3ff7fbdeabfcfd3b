import json

import pytest

from crawlers.spiders.demo_search import DemoSearchSpider
from crawlers.spiders.search import one_line

STATED = {
    "image": "http://a.test/1.jpg",
    "page": "http://a.test/1",
    "title": "A title",
    "author": "An author",
    "license": "CC0 1.0",
    "license_url": "http://cc.test/",
    "rank": 99,
}


def read(data: str) -> dict[str, str]:
    return DemoSearchSpider.read_record(None, data)  # pyright: ignore[reportArgumentType] # it needs no spider


def test_a_result_is_read_with_all_that_it_states():
    assert read(json.dumps(STATED)) == {
        "image_url": "http://a.test/1.jpg",
        "page_url": "http://a.test/1",
        "title": "A title",
        "author": "An author",
        "license": "CC0 1.0",
        "license_url": "http://cc.test/",
    }


def test_what_a_result_does_not_state_is_empty():
    result = read('{"image": "http://a.test/1.jpg", "title": null, "author": 7}')
    assert [result[key] for key in ("page_url", "title", "author", "license")] == ["", "", "", ""]


@pytest.mark.parametrize("data", ["", "no JSON", "[]", "null", "{}", '{"image": null}', '{"image": ["a"]}'])
def test_a_result_without_an_image_is_an_error(data):
    with pytest.raises(ValueError, match=r"."):
        read(data)


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
