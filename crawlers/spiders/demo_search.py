"""The image search of the demo web: in a browser, because results come in by JavaScript."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from crawlers.middlewares.browser import BrowserRequest
from crawlers.scrolling import scrolled_to
from crawlers.spiders.search import SearchSpider, one_line
from demo_web import hosts

LINKS = "#results a.result"


class DemoSearchSpider(SearchSpider):
    """Scroll through the results of each query; each is a link that carries its details as JSON."""

    name = "demo"
    search_url = f"http://{hosts.SEARCH}/search"
    needs_browser = True

    def request_for(self, query: str) -> Request:
        """Ask for the page, and scroll until enough results are there."""
        return BrowserRequest(
            url=f"{self.search_url}?{urlencode({'q': query})}",
            wait_time=0,  # the condition does its own waiting
            wait_until=scrolled_to(self.wanted.count, LINKS, "#end"),
        )

    def records(self, response: Response) -> Sequence[Any]:
        """The text of each link's `data-result`."""
        return [link.attrib.get("data-result", "") for link in response.css(LINKS)]

    def read_record(self, record: Any) -> dict[str, str]:
        """Read a JSON object that says where the image lies and, perhaps, whose it is."""
        fields = json.loads(record)
        if not isinstance(fields, dict) or not isinstance(fields.get("image"), str):
            raise ValueError("it names no image")
        return {
            "image_url": one_line(fields["image"]),
            "page_url": one_line(fields.get("page")),
            "title": one_line(fields.get("title")),
            "author": one_line(fields.get("author")),
            "license": one_line(fields.get("license")),
            "license_url": one_line(fields.get("license_url")),
        }
