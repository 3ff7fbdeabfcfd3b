import json

import pytest

from crawlers.spiders.bing import Link, read_link
from crawlers.spiders.search import Wanted

WANTED = Wanted(count=10, licenses=("by",), types=("jpg", "png"), min_side=200)
FIELDS = {"murl": "https://images.test/1.jpg", "purl": "https://pages.test/1", "t": "The \ue000hero\ue001"}


@pytest.mark.parametrize(
    "beside", ["", "1200 x 800 · jpeg", "200×200", "1200 x 800 · PNG", "pages.test", "1200 x 800 · "]
)
def test_link_is_read(beside):
    assert read_link(Link(json.dumps(FIELDS), beside), WANTED) == {
        "image_url": "https://images.test/1.jpg",
        "page_url": "https://pages.test/1",
        "title": "The hero",
        "author": "",
        "license": "",
        "license_url": "",
    }


@pytest.mark.parametrize("beside", ["199 x 800 · jpeg", "800×20", "1200 x 800 · gif"])
def test_unwanted_image_is_left_out(beside):
    assert read_link(Link(json.dumps(FIELDS), beside), WANTED) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "no JSON"),
        ("no JSON", "no JSON"),
        ('{"murl": "https://images.test/1.jpg"', "no JSON"),
        ("[]", "no JSON object"),
        ("{}", "names no image"),
        ('{"murl": null}', "names no image"),
        ('{"murl": ["https://images.test/1.jpg"]}', "names no image"),
        ('{"murl": "\\u200b"}', "names no image"),
    ],
)
def test_malformed_link_is_an_error_with_its_reason(data, reason):
    with pytest.raises(ValueError, match=reason):
        read_link(Link(data, ""), WANTED)
