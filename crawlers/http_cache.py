"""Cache search pages and robots.txt in the journal until the crawl is complete."""

from scrapy import Request, Spider
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings
from w3lib.http import headers_dict_to_raw, headers_raw_to_dict

from crawlers.journal import Journal


class JournalCacheStorage:
    """An HTTP cache storage in the crawl's journal; a kill can corrupt Scrapy's own storages."""

    journal: Journal | None

    def __init__(self, settings: BaseSettings) -> None:
        pass

    def open_spider(self, spider: Spider) -> None:
        """Use the spider's journal; without one, nothing is cached."""
        self.journal = getattr(spider, "journal", None)
        assert spider.crawler.request_fingerprinter
        self.fingerprint = spider.crawler.request_fingerprinter.fingerprint

    def close_spider(self, spider: Spider) -> None:
        """Do nothing: the journal outlives the spider."""

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        """Look up the stored response to `request`."""
        found = self.journal.page(self.fingerprint(request).hex()) if self.journal else None
        if not found:
            return None
        url, status, raw_headers, body = found
        headers = Headers(headers_raw_to_dict(raw_headers))
        response_type = responsetypes.from_args(headers=headers, url=url, body=body)
        return response_type(url=url, status=status, headers=headers, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        """Store a response."""
        if self.journal:
            headers = headers_dict_to_raw(response.headers) or b""
            key = self.fingerprint(request).hex()
            self.journal.keep_page(key, response.url, response.status, headers, response.body)
