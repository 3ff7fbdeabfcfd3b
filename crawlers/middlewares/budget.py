"""Limit the whole crawl's time and bytes."""

from typing import Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured, StopDownload

from crawlers.journal import BYTES, Journal


class BudgetSpent(IgnoreRequest):
    """The crawl's budget of time or bytes is spent."""


class BudgetMiddleware:
    """Refuse every request once `CRAWL_MAX_S` or `CRAWL_MAX_BYTES` is spent.

    Earlier processes of the same crawl count too; the spider's journal holds the totals.
    """

    def __init__(self, journal: Journal, max_s: float, max_bytes: float) -> None:
        self.journal = journal
        self.max_s, self.max_bytes = max_s, max_bytes
        self.spent_bytes, self.new_bytes = journal.total(BYTES), 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the limits from the settings and the journal from the spider."""
        journal = getattr(crawler.spider, "journal", None)
        if journal is None:
            raise NotConfigured
        settings = crawler.settings
        middleware = cls(journal, settings.getfloat("CRAWL_MAX_S"), settings.getfloat("CRAWL_MAX_BYTES"))
        crawler.signals.connect(middleware.bytes_received, signals.bytes_received)
        crawler.signals.connect(middleware.note_bytes, signals.response_downloaded)
        crawler.signals.connect(middleware.note_bytes, signals.spider_closed)
        return middleware

    def bytes_received(self, data: bytes) -> None:
        """Count a chunk of a response.

        Raises:
            StopDownload: the budget of bytes is spent.
        """
        self.new_bytes += len(data)
        if self.spent_bytes + self.new_bytes > self.max_bytes:
            raise StopDownload(fail=True)

    def note_bytes(self) -> None:
        """Add the received bytes to the journal, which all spiders share."""
        self.journal.add(BYTES, self.new_bytes)
        self.spent_bytes, self.new_bytes = self.journal.total(BYTES), 0

    def process_request(self, request: Request) -> None:
        """Let `request` pass while time and bytes are left.

        Raises:
            BudgetSpent: the time or the bytes are spent.
        """
        self.note_bytes()
        if self.journal.pass_time() > self.max_s or self.spent_bytes > self.max_bytes:
            raise BudgetSpent
