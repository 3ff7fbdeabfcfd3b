"""The demo web's image search, in a browser because results load as you scroll."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from crawlers.json_object import read_object
from crawlers.middlewares.browser import BrowserRequest
from crawlers.page_text import one_line
from crawlers.scrolling import scrolled_to
from crawlers.spiders.search import SearchSpider
from demo_web import hosts

LINKS = "#results a.result"


class DemoSearchSpider(SearchSpider):
    """Scroll through the results of each query; each is a link that carries its details as JSON."""

    name = "demo"
    search_url = f"http://{hosts.SEARCH}/search"
    needs_browser = True

    def request_for(self, query: str) -> Request:
        """Request the page; scroll until enough results have loaded."""
        return BrowserRequest(
            url=f"{self.search_url}?{urlencode({'q': query})}",
            wait_time=0,  # the condition waits by itself
            wait_until=scrolled_to(self.wanted.count, LINKS, "#end"),
        )

    def records(self, response: Response) -> Sequence[str]:
        """Return the `data-result` of each link."""
        return [link.attrib.get("data-result", "") for link in response.css(LINKS)]

    def read_record(self, record: Any) -> dict[str, str]:
        """Read a link's `data-result`."""
        return read_result(record)


def read_result(data: str) -> dict[str, str]:
    """Read a result: a JSON object with the image's URL and, perhaps, its page, title, author and licence.

    Raises:
        ValueError: the result is malformed or names no image.
    """
    fields = read_object(data)
    if not isinstance(fields.get("image"), str):
        raise ValueError("it names no image")
    return {
        "image_url": one_line(fields["image"]),
        "page_url": one_line(fields.get("page")),
        "title": one_line(fields.get("title")),
        "author": one_line(fields.get("author")),
        "license": one_line(fields.get("license")),
        "license_url": one_line(fields.get("license_url")),
    }
