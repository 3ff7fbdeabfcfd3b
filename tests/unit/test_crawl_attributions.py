from dataclasses import replace

from crawlers.attributions import attribution, attribution_report, escaped
from crawlers.items import Picture, Status

KEPT = Picture(
    query="tea",
    rank=1,
    picture_url="http://a.test/1.jpg",
    page_url="http://a.test/works/1",
    title="A cup",
    author="Ada",
    licence="CC BY 4.0",
    licence_url="https://creativecommons.org/licenses/by/4.0/",
    status=Status.OK,
)


def test_licences_are_counted_by_host():
    elsewhere = replace(KEPT, rank=2, picture_url="http://b.test/2.jpg", page_url="http://b.test/works/2")
    report = attribution_report([KEPT, elsewhere, replace(elsewhere, rank=3, licence="CC0 1.0")])
    assert "| licence | pictures | a.test | b.test |" in report
    assert "| CC BY 4.0 | 2 | 1 | 1 |" in report
    assert "| CC0 1.0 | 1 | 0 | 1 |" in report


def test_a_picture_that_was_not_kept_is_counted_and_not_attributed():
    report = attribution_report([KEPT, replace(KEPT, title="Gone", status=Status.HTTP_ERROR)])
    assert "1 pictures were kept of 2 search results." in report
    assert "Gone" not in report


def test_title_author_licence_and_page_are_named():
    assert attribution(KEPT) == (
        "- [A cup](<http://a.test/works/1>) by Ada, "
        "[CC BY 4.0](<https://creativecommons.org/licenses/by/4.0/>)"
    )


def test_what_is_not_stated_is_said_to_be_so():
    silent = replace(KEPT, page_url="", title="", author="", licence="", licence_url="")
    assert attribution(silent) == "- Untitled by an unknown author, licence not stated"
    assert "| not stated | 1 | 1 |" in attribution_report([silent])


def test_one_page_is_attributed_once():
    again = replace(KEPT, query="coffee")
    assert attribution_report([KEPT, again]).count("A cup") == 1


def test_text_from_the_web_stays_text():
    assert escaped("<img src=x> [a](b) | *c*") == r"\<img src=x\> \[a\]\(b\) \| \*c\*"
    nasty = replace(KEPT, page_url="javascript:alert(1)", licence_url="https://a.test/ b>c")
    assert attribution(nasty) == "- A cup by Ada, CC BY 4.0"


def test_no_picture_gives_an_empty_report():
    assert attribution_report([]).startswith("# Sources\n\n0 pictures were kept of 0 search results.")
