import pytest

from crawlers.spiders.commons import explain_error, metadatum, place_of, read_page
from crawlers.spiders.search import Wanted

WANTED = Wanted(count=10, licenses=("cc0", "by", "by-sa"), types=("jpg", "png"), min_side=200)


def page(stated=None, **changes):
    stated = {"License": "cc-by-4.0", "ObjectName": "A hero", "Artist": "<b>Ada</b>"} | (stated or {})
    file = {
        "url": "https://upload.test/Hero.jpg",
        "descriptionurl": "https://commons.test/wiki/File:Hero.jpg",
        "mime": "image/jpeg",
        "width": 640,
        "height": 480,
        "thumburl": "https://upload.test/Hero.jpg",
        "thumbwidth": 640,
        "thumbheight": 480,
        "extmetadata": {key: {"value": value} for key, value in stated.items()},
    }
    return {"title": "File:The hero. A study.jpg", "index": 1, "imageinfo": [file | changes]}


def test_page_is_read():
    assert read_page(page(), WANTED) == {
        "image_url": "https://upload.test/Hero.jpg",
        "page_url": "https://commons.test/wiki/File:Hero.jpg",
        "title": "A hero",
        "author": "Ada",
        "license": "CC BY 4.0",
        "license_url": "https://creativecommons.org/licenses/by/4.0/",
    }


def test_image_without_a_title_is_titled_by_its_file_name():
    read = read_page(page({"ObjectName": ""}), WANTED)
    assert read
    assert read["title"] == "The hero. A study"


@pytest.mark.parametrize(
    ("width", "thumb", "image"),
    [
        (961, "https://upload.test/960px-Hero.jpg", "960px-Hero.jpg"),
        (960, "https://upload.test/960px-Hero.jpg", "Hero.jpg"),
        (5000, None, "Hero.jpg"),
        (None, "https://upload.test/960px-Hero.jpg", "Hero.jpg"),
    ],
)
def test_wide_image_is_downloaded_scaled(width, thumb, image):
    read = read_page(page(width=width, thumburl=thumb), WANTED)
    assert read
    assert read["image_url"] == f"https://upload.test/{image}"


@pytest.mark.parametrize(
    "unwanted",
    [
        page({"License": "gfdl"}),
        page({"License": ""}),
        page({"License": "pd"}),
        page(extmetadata=[]),
        page(extmetadata=None),
        page(mime="image/tiff"),
        page(height=199),
        page(width=9000, height=1000, thumbheight=107),
    ],
)
def test_unwanted_page_is_left_out(unwanted):
    assert read_page(unwanted, WANTED) is None


@pytest.mark.parametrize(
    ("malformed", "reason"),
    [
        ("text", "no JSON object"),
        ({"title": "File:Hero.jpg", "missing": True}, "no imageinfo"),
        ({"imageinfo": []}, "no imageinfo"),
        ({"imageinfo": {}}, "no imageinfo"),
        ({"imageinfo": ["text"]}, "no imageinfo"),
        (page(url=None), "names no image"),
        (page(url=["https://upload.test/Hero.jpg"]), "names no image"),
    ],
)
def test_malformed_page_is_an_error_with_its_reason(malformed, reason):
    with pytest.raises(ValueError, match=reason):
        read_page(malformed, WANTED)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Ada", "Ada"),
        ('<a href="//x" title="no">Ada</a> &amp;\n <b>C</b>o.', "Ada & Co."),
        ("<style>.a{}</style><bdi>Ada</bdi>", "Ada"),
        ("a < b", "a < b"),
        ("", ""),
        ("\ud800 \0", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_metadata_are_read_as_text(html, text):
    assert metadatum({"extmetadata": {"Artist": {"value": html}}}, "Artist") == text


@pytest.mark.parametrize("metadata", [{}, [], None, "text", {"Artist": "Ada"}, {"Artist": {}}])
def test_missing_metadata_are_empty(metadata):
    assert metadatum({"extmetadata": metadata}, "Artist") == ""


def test_pages_are_sorted_by_index_and_those_without_come_last():
    pages = [{"index": "3"}, {"index": 2}, "text", {"index": 1}, {}]
    assert sorted(pages, key=place_of) == [{"index": 1}, {"index": 2}, {"index": "3"}, "text", {}]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "readonly", "info": "The wiki is\nlocked."}, "readonly, The wiki is locked."),
        ({"code": "readonly"}, "readonly"),
        ({}, "unknown"),
        ("text", "unknown"),
    ],
)
def test_api_error_is_described(error, words):
    assert explain_error(error) == words
