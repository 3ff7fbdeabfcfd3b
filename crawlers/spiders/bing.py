"""Bing's image search, in a browser because results load as you scroll and click.

Each result is a link of the class `iusc` whose attribute `m` holds JSON: `murl` is the image's URL, `purl`
its page's URL, and `t` its title. The text beside it may state size and type.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from crawlers.json_object import read_object
from crawlers.middlewares.browser import BrowserRequest
from crawlers.page_text import one_line
from crawlers.scrolling import scrolled_to
from crawlers.spiders.search import SearchSpider, Wanted, search_words

LINKS = "a.iusc"
MORE = "a.btn_seemore"

_SIZE = re.compile(r"(\d+)\s*[x×]\s*(\d+)(?:\s*·\s*(\w+))?")


class Link(NamedTuple):
    """A result on the page: its attribute `m` and the text beside it."""

    data: str
    beside: str


class BingSpider(SearchSpider):
    """Scroll through the results of each query, without adult ones."""

    name = "bing"
    search_url = "https://www.bing.com/images/search"
    needs_browser = True

    def request_for(self, query: str) -> Request:
        """Request the page; scroll and click until enough results have loaded or no more come."""
        parameters = {"q": search_words(query), "first": 1, "adlt": "strict"}
        return BrowserRequest(
            url=f"{self.search_url}?{urlencode(parameters)}",
            wait_time=0,  # the condition waits by itself
            wait_until=scrolled_to(self.wanted.count, LINKS, button=MORE, endless=True),
            meta={"dont_cache": True},  # its length depends on the number of results wanted
        )

    def records(self, response: Response) -> Sequence[Link]:
        """Return the links in their order."""
        return [
            Link(link.attrib.get("m", ""), " ".join(link.xpath("following-sibling::*//text()").getall()))
            for link in response.css(LINKS)
        ]

    def read_record(self, record: Any) -> dict[str, str] | None:
        """Read a link."""
        return read_link(record, self.wanted)


def read_link(link: Link, wanted: Wanted) -> dict[str, str] | None:
    """Read a result; None if its size or type is unwanted. Bing states neither author nor licence.

    Raises:
        ValueError: the result is malformed or names no image.
    """
    fields = read_object(link.data)
    image = one_line(fields.get("murl"))
    if not image:
        raise ValueError("it names no image")
    if stated := _SIZE.search(link.beside):
        width, height, kind = stated.groups()
        if not wanted.accepts_size(int(width), int(height)) or not wanted.accepts_type(kind):
            return None
    return {
        "image_url": image,
        "page_url": one_line(fields.get("purl")),
        "title": one_line(fields.get("t")),
        "author": "",
        "license": "",
        "license_url": "",
    }
