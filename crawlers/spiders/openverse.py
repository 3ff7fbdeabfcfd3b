"""Openverse, a search engine for openly licensed images, by its API (https://api.openverse.org/v1/)."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from scrapy import Request
from scrapy.http import Response

from crawlers.json_object import as_list, read_object, require_object
from crawlers.licenses import read_license
from crawlers.page_text import one_line
from crawlers.spiders.search import SearchSpider, Wanted, search_words

PAGE_SIZE = 20
"""The largest page without an API key."""
LAST_PAGE = 240 // PAGE_SIZE
"""The API serves the first 240 results of a search; a page beyond is an error."""


class OpenverseSpider(SearchSpider):
    """Request one page of results after another."""

    name = "openverse"
    search_url = "https://api.openverse.org/v1/images/"

    def request_for(self, query: str) -> Request:
        """Request the first page."""
        return self._request_for_page(query, 1)

    def records(self, response: Response) -> Sequence[Any]:
        """Return the list `results`."""
        results = as_list(read_object(response.body).get("results"))
        if results is None:
            raise ValueError("it has no list of results")
        return results

    def read_record(self, record: Any) -> dict[str, str] | None:
        """Read a result."""
        return read_result(record, self.wanted)

    def next_page(self, response: Response) -> Request | None:
        """Request the next page, up to the last one that the API serves."""
        page, last = response.meta["page"], read_object(response.body).get("page_count")
        if page >= (min(last, LAST_PAGE) if isinstance(last, int) else LAST_PAGE):
            return None
        return self._request_for_page(response.meta["query"], page + 1)

    def _request_for_page(self, query: str, page: int) -> Request:
        types = [*self.wanted.types, *(["jpeg"] if "jpg" in self.wanted.types else [])]
        parameters = {
            "q": search_words(query),
            "license": ",".join(self.wanted.licenses),
            "extension": ",".join(types),
            "mature": "false",
            "page_size": PAGE_SIZE,
            "page": page,
        }
        return Request(f"{self.search_url}?{urlencode(parameters)}", meta={"query": query, "page": page})


def read_result(value: object, wanted: Wanted) -> dict[str, str] | None:
    """Read a result of the API; None if it is unwanted, even if the request excluded such results.

    Raises:
        ValueError: the result is malformed, or names no image or no licence.
    """
    record = require_object(value)
    image, code = one_line(record.get("url")), one_line(record.get("license"))
    if not image:
        raise ValueError("it names no image")
    if not code:
        raise ValueError("it names no licence")
    license = read_license(code, one_line(record.get("license_version")))
    if (
        license is None
        or license.code not in wanted.licenses
        or record.get("mature") is True
        or not wanted.accepts_type(record.get("filetype"))
        or not wanted.accepts_size(record.get("width"), record.get("height"))
    ):
        return None
    return {
        "image_url": image,
        "page_url": one_line(record.get("foreign_landing_url")),
        "title": one_line(record.get("title")),
        "author": one_line(record.get("creator")),
        "license": license.name,
        "license_url": one_line(record.get("license_url")) or license.url,
    }
