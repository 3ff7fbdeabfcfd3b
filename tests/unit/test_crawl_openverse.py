import pytest

from crawlers.spiders.openverse import read_result
from crawlers.spiders.search import Wanted

WANTED = Wanted(count=10, licenses=("cc0", "by", "by-sa"), types=("jpg", "png"), min_side=200)
RESULT = {
    "id": "4bc43a04-ef46-4544-a0c1-63c63f56e276",
    "title": "A hero",
    "foreign_landing_url": "https://pages.test/1",
    "url": "https://images.test/1.jpg",
    "creator": "Ada",
    "license": "by",
    "license_version": "2.0",
    "license_url": "https://creativecommons.org/licenses/by/2.0/deed",
    "filetype": "jpg",
    "width": 640,
    "height": 480,
    "mature": False,
}


def test_result_is_read():
    assert read_result(RESULT, WANTED) == {
        "image_url": "https://images.test/1.jpg",
        "page_url": "https://pages.test/1",
        "title": "A hero",
        "author": "Ada",
        "license": "CC BY 2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/deed",
    }


@pytest.mark.parametrize("nothing", [None, 700, [], {}])
def test_missing_fields_are_empty_and_the_license_keeps_its_url(nothing):
    silent = dict.fromkeys(set(RESULT) - {"url", "license", "license_version"}, nothing)
    assert read_result(RESULT | silent, WANTED) == {
        "image_url": "https://images.test/1.jpg",
        "page_url": "",
        "title": "",
        "author": "",
        "license": "CC BY 2.0",
        "license_url": "https://creativecommons.org/licenses/by/2.0/",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"license": "by-nc"},
        {"license": "nc-sampling+"},
        {"width": 100},
        {"height": 199},
        {"filetype": "svg"},
        {"mature": True},
    ],
)
def test_unwanted_result_is_left_out(change):
    assert read_result(RESULT | change, WANTED) is None


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("text", "no JSON object"),
        (None, "no JSON object"),
        ([RESULT], "no JSON object"),
        ({}, "names no image"),
        (RESULT | {"url": " \n"}, "names no image"),
        (RESULT | {"url": {"large": "https://images.test/1.jpg"}}, "names no image"),
        (RESULT | {"license": None}, "names no licence"),
    ],
)
def test_malformed_result_is_an_error_with_its_reason(result, reason):
    with pytest.raises(ValueError, match=reason):
        read_result(result, WANTED)
