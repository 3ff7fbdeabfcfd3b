"""Whatever a record, a page or a header says, the crawl reads it or raises one of `MALFORMED`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fuzzing import same_examples
from hypothesis import given
from hypothesis import strategies as st
from parsel import Selector
from scrapy import Request
from scrapy.http import HtmlResponse, Response
from scrapy.utils.test import get_crawler

from crawlers.failures import explain_failure
from crawlers.items import Download, ImageRecord, Search, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.malformed import MALFORMED, explain_malformed
from crawlers.manifest import record_of
from crawlers.middlewares.retry_after import retry_after_s
from crawlers.middlewares.robots import bounded_robots
from crawlers.page_text import one_line, visible_text
from crawlers.sources_report import sources_report
from crawlers.spiders import bing, commons, demo_pokedex, demo_search, openverse, pokeapi, pokemondb
from crawlers.spiders.search import SearchSpider, Wanted
from crawlers.table import write_table
from crawlers.web_address import is_web_address

FUZZED = same_examples(80)
WANTED = Wanted(count=10, licenses=("cc0", "by", "by-sa"), types=("jpg", "png"), min_side=200)
ODD_TEXTS = (
    "",
    "\0",
    "\ud800",
    "\r\nX: y",
    "javascript:alert(1)",
    "http://[",
    "http://a.test:abc/",
    "http://a.test:-1/",
    "http://a.test:99999999/",
    "http://a.test/1.jpg",
    "//a.test",
    "by",
    "cc-by-4.0",
    "9" * 5000,
    "²",
    "-1",
    "<br>",
    "<p style='display:none'>x",
    "&#x202e;",
    "&#xd800;",
    "&#99999999;",
    "image/jpeg",
    "..",
    "/",
    "\u202e",
    "{}",
    "[",
    "https://pokeapi.co/api/v2/pokemon-species/1/",
    "/generation/1/",
    "en",
    "#0001",
    "%00",
    "{0}",
    "%s",
)
TEXT = st.one_of(st.sampled_from(ODD_TEXTS), st.text(st.characters(), max_size=40))
NUMBER = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), float("inf"), float("nan")])
)
VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)


def object_of(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these keys and any values."""
    return st.fixed_dictionaries({}, optional={key: st.one_of(TEXT, VALUE) for key in keys})


FILE = object_of("url", "thumburl", "descriptionurl", "mime", "width", "height", "thumbwidth", "thumbheight")
METADATA = st.dictionaries(
    st.sampled_from(["License", "Artist", "ObjectName", "LicenseUrl", "LicenseShortName"]), object_of("value")
)
PAGE = st.one_of(
    VALUE,
    st.builds(
        lambda page, file, metadata: page | {"imageinfo": [file | {"extmetadata": metadata}]},
        object_of("title", "index"),
        FILE,
        METADATA,
    ),
)
RESULT = object_of(
    "url",
    "license",
    "license_version",
    "license_url",
    "title",
    "creator",
    "foreign_landing_url",
    "filetype",
    "width",
    "height",
    "mature",
)
HTML = st.one_of(
    TEXT, st.lists(st.sampled_from([*ODD_TEXTS, "<tr class=species>", "<td class=name>", "<td>"]))
)


def card(html: str | list[str]) -> Selector:
    """The first card of a page, whatever it holds."""
    text = "".join(html)
    return Selector(f"<h2>Generation 1</h2><div><p>{text.replace(chr(0), '')}</p></div>")


READERS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], object]]] = {
    "bing": (
        st.tuples(
            st.one_of(TEXT, object_of("murl", "purl", "t").map(json.dumps)),
            st.one_of(TEXT, st.just("9" * 5000 + "x1 · jpeg")),
        ),
        lambda value: bing.read_link(bing.Link(*value), WANTED),
    ),
    "commons": (PAGE, lambda value: commons.read_page(value, WANTED)),
    "commons, error": (VALUE, commons.explain_error),
    "openverse": (st.one_of(VALUE, RESULT), lambda value: openverse.read_result(value, WANTED)),
    "demo": (
        st.one_of(TEXT, object_of("image", "page", "title", "license").map(json.dumps)),
        demo_search.read_result,
    ),
    "pokeapi, list": (st.one_of(VALUE, object_of("count", "results", "next")), pokeapi.read_list),
    "pokeapi, record": (st.one_of(VALUE, object_of("url")), pokeapi.address_of),
    "pokeapi, species": (
        st.one_of(VALUE, object_of("id", "names", "generation")),
        lambda value: pokeapi.read_species(value, "en", f"{pokeapi.API}/1/"),
    ),
    "pokedex": (HTML, lambda value: demo_pokedex.read_species(card(value), "http://a.test/")),
    "pokemondb": (HTML, lambda value: pokemondb.read_card(card(value), "http://a.test/")),
}


@pytest.mark.parametrize("source", READERS)
@FUZZED
@given(data=st.data())
def test_record_is_read_or_malformed(source, data):
    values, read = READERS[source]
    value, reason = data.draw(values), ""
    try:
        read(value)
    except MALFORMED as error:
        reason = explain_malformed(error)
    assert reason.isprintable()


def write_everything(folder: Path, fields: dict[str, str], reason: str) -> None:
    """Take a result through the journal, the manifest and the report, as a crawl does."""
    result = SearchResult("one", "test", 1, **fields)
    search = Search("test", "one", (result,), (reason,), 0, "")
    with open_journal(folder) as journal:
        journal.keep_search(search, "wanted")
        assert journal.search("test", "one", "wanted") == search
        kept = Status.OK if is_web_address(result.image_url) else Status.REFUSED
        journal.keep_download(Download(result.image_url, kept, reason))
        row = record_of(result, journal.downloads()[result.image_url], "one")
        assert asdict(row)["image_url"] == result.image_url
    write_table(folder / "manifest.csv", ImageRecord, [row])
    (folder / "sources.md").write_text(sources_report([row], [search]), encoding="utf-8")


@FUZZED
@given(value=st.one_of(PAGE, RESULT))
def test_any_accepted_record_is_written(tmp_path, value):
    for read in (commons.read_page, openverse.read_result):
        try:
            fields = read(value, Wanted(10, ("cc0", "by", "by-sa"), ("jpg",), 0))
        except MALFORMED:
            continue
        if fields:
            write_everything(tmp_path, fields, "a reason")


@FUZZED
@given(texts=st.lists(TEXT, min_size=6, max_size=6), reason=TEXT)
def test_any_text_is_written(tmp_path, texts, reason):
    names = ("image_url", "page_url", "title", "author", "license", "license_url")
    write_everything(tmp_path, dict(zip(names, map(one_line, texts), strict=True)), one_line(reason))


@FUZZED
@given(text=st.one_of(TEXT, st.binary(max_size=60).map(lambda data: data.decode("latin-1"))))
def test_any_header_and_address_is_read(text):
    assert retry_after_s(text, datetime(2030, 1, 1, tzinfo=UTC)) >= 0
    for part in ("Tue, 01 Jan {} 12:00:30 GMT", "Tue, 01 Jan 2030 12:00:30 {}", "{} Jan 2030 12:00 +0000"):
        assert retry_after_s(part.format(text), datetime(2030, 1, 1, tzinfo=UTC)) >= 0
    for url in (text, f"http://{text}", f"http://a.test:{text}", f"http://a.test/{text}"):
        if is_web_address(url):
            assert Request(url).url.isascii()


@FUZZED
@given(text=HTML.map("".join))
def test_any_html_is_read_as_one_line(text):
    line = visible_text(text)
    assert line == one_line(line)


@FUZZED
@given(body=st.one_of(st.binary(max_size=300), HTML.map(lambda html: "".join(html).encode(errors="ignore"))))
def test_any_robots_txt_is_shortened(body):
    bounded_robots(body, "herodex/0.1").decode()


@pytest.mark.parametrize("spider", [commons.CommonsSpider, openverse.OpenverseSpider, bing.BingSpider])
@FUZZED
@given(
    body=st.one_of(
        st.binary(max_size=200),
        object_of("query", "continue", "batchcomplete", "results", "page_count", "error").map(
            lambda value: json.dumps(value).encode()
        ),
    ),
    content_type=st.sampled_from(["text/html", "text/html; charset=rot13", "text/html; charset=utf-7"]),
)
def test_any_page_ends_or_continues_its_search(tmp_path, spider, body, content_type):
    with open_journal(tmp_path) as journal:
        crawler = get_crawler(spider)
        searching: SearchSpider = spider.from_crawler(
            crawler, queries=["one"], wanted=WANTED, journal=journal
        )
        request = searching._prepared(searching.request_for("one"), progress())
        headers = {"Content-Type": content_type}
        kind = HtmlResponse if spider is bing.BingSpider else Response
        answer = kind(request.url, body=body, headers=headers, request=request, flags=[])
        for item in searching.parse(answer, request.cb_kwargs["progress"]):
            assert isinstance(item, Request | Search)


def progress() -> Any:
    """The progress of a search that begins."""
    from crawlers.spiders.search import _Progress

    return _Progress("one")


@FUZZED
@given(
    error=st.one_of(
        st.builds(ValueError, TEXT),
        st.builds(LookupError, TEXT),
        st.builds(OverflowError, TEXT),
        st.builds(EOFError, TEXT),
        st.builds(RuntimeError, TEXT),
    )
)
def test_any_failure_of_a_request_has_a_reason(error):
    _, reason = explain_failure(error)
    assert reason
    assert reason.isprintable()
