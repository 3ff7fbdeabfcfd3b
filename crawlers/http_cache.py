"""Where pages of searches and robots.txt are kept until the crawl is complete."""

from scrapy import Request, Spider
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings
from w3lib.http import headers_dict_to_raw, headers_raw_to_dict

from crawlers.journal import Journal


class JournalCacheStorage:
    """Scrapy's HTTP cache in the crawl's journal; Scrapy's own storages can be left torn by a kill."""

    journal: Journal | None

    def __init__(self, settings: BaseSettings) -> None:
        pass

    def open_spider(self, spider: Spider) -> None:
        """Take the journal that the spider carries; without one, nothing is cached."""
        self.journal = getattr(spider, "journal", None)
        assert spider.crawler.request_fingerprinter
        self.fingerprint = spider.crawler.request_fingerprinter.fingerprint

    def close_spider(self, spider: Spider) -> None:
        """Do nothing: the journal outlives the spider."""

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        """Give the answer that `request` had before, if any."""
        found = self.journal.page(self.fingerprint(request).hex()) if self.journal else None
        if not found:
            return None
        url, status, raw_headers, body = found
        headers = Headers(headers_raw_to_dict(raw_headers))
        response_type = responsetypes.from_args(headers=headers, url=url, body=body)
        return response_type(url=url, status=status, headers=headers, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        """Keep an answer."""
        if self.journal:
            headers = headers_dict_to_raw(response.headers) or b""
            key = self.fingerprint(request).hex()
            self.journal.keep_page(key, response.url, response.status, headers, response.body)
