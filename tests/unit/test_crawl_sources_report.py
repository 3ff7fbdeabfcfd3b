from dataclasses import replace

from crawlers.items import ImageRecord, Search, Status
from crawlers.sources_report import attribution, escaped, sources_report

KEPT = ImageRecord(
    query="tea",
    source="openverse",
    rank=1,
    image_url="http://a.test/1.jpg",
    page_url="http://a.test/works/1",
    title="A cup",
    author="Ada",
    license="CC BY 4.0",
    license_url="https://creativecommons.org/licenses/by/4.0/",
    status=Status.OK,
)


def test_licenses_and_hosts_are_counted_by_source():
    elsewhere = replace(KEPT, source="commons", image_url="http://b.test/2.jpg")
    report = sources_report([KEPT, elsewhere, replace(elsewhere, rank=3, license="CC0 1.0")], [])
    assert "| licence | images | commons | openverse |" in report
    assert "| CC BY 4.0 | 2 | 1 | 1 |" in report
    assert "| CC0 1.0 | 1 | 1 | 0 |" in report
    assert "| host | images | commons | openverse |" in report
    assert "| b.test | 2 | 2 | 0 |" in report


def test_skipped_results_are_listed_with_their_reason():
    search = Search("commons", "tea", faults=("result 3 is malformed: *",), unwanted=2, error="it failed")
    report = sources_report([KEPT], [search])
    assert "- commons, tea: the search failed: it failed" in report
    assert "- commons, tea: 2 results of other licences, types or sizes" in report
    assert r"- commons, tea: result 3 is malformed: \*" in report
    assert "Left out" not in sources_report([KEPT], [Search("commons", "tea")])


def test_failed_image_is_counted_but_not_attributed():
    report = sources_report([KEPT, replace(KEPT, title="Failed", status=Status.HTTP_ERROR)], [])
    assert "1 images were kept of 2 search results." in report
    assert "Failed" not in report


def test_attribution_names_title_author_license_and_page():
    assert attribution(KEPT) == (
        "- [A cup](<http://a.test/works/1>) by Ada, "
        "[CC BY 4.0](<https://creativecommons.org/licenses/by/4.0/>)"
    )


def test_attribution_states_missing_fields():
    silent = replace(KEPT, page_url="", title="", author="", license="", license_url="")
    assert attribution(silent) == "- Untitled by an unknown author, licence not stated"
    assert "| not stated | 1 | 1 |" in sources_report([silent], [])


def test_page_is_attributed_once():
    again = replace(KEPT, query="coffee")
    assert sources_report([KEPT, again], []).count("A cup") == 1


def test_text_from_the_web_is_escaped():
    assert escaped("<img src=x> [a](b) | *c*") == r"\<img src=x\> \[a\]\(b\) \| \*c\*"
    nasty = replace(KEPT, page_url="javascript:alert(1)", license_url="https://a.test/ b>c")
    assert attribution(nasty) == "- A cup by Ada, CC BY 4.0"


def test_report_without_images():
    assert sources_report([], []).startswith("# Sources\n\n0 images were kept of 0 search results.")
