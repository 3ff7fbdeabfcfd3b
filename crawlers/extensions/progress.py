"""Show how a crawl goes: a bar in a terminal, a line now and then elsewhere."""

import logging
import sys
import time
from typing import Any, Self

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from tqdm import tqdm

from herodex.progress import LINE_EVERY_S

log = logging.getLogger(__name__)


class CrawlProgress:
    """Count items as they are done, with their rate and failures.

    The spider says in `unit` what its items are called, and in `expected` how many there may be, or None.
    """

    def __init__(self) -> None:
        self.done = 0
        self.failed = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Listen to the crawl."""
        progress = cls()
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.item_scraped, signals.item_scraped)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        """Start the clock."""
        self.unit: str = getattr(spider, "unit", "items")
        self.expected: int | None = getattr(spider, "expected", None)
        self.started = time.monotonic()
        self.bar = tqdm(
            total=self.expected, desc=spider.name, unit=f" {self.unit}", disable=not sys.stderr.isatty()
        )
        self.lines = create_looping_call(self.log_line)
        if self.bar.disable:
            self.lines.start(LINE_EVERY_S, now=False)

    def item_scraped(self, item: Any) -> None:
        """Count one item."""
        self.done += 1
        self.failed += getattr(item, "status", "ok") != "ok"
        self.bar.set_postfix(failed=self.failed, refresh=False)
        self.bar.update()

    def spider_closed(self, spider: Spider) -> None:
        """Stop the clock and say how it went."""
        if self.lines.running:
            self.lines.stop()
        self.bar.close()
        self.log_line()

    def log_line(self) -> None:
        """Log one line about the state of the crawl."""
        seconds = time.monotonic() - self.started
        of = f" of at most {self.expected}" if self.expected else ""
        log.info(
            "%d%s %s in %.0f s, %.1f/s, %d failed",
            self.done, of, self.unit, seconds, self.done / max(seconds, 0.001), self.failed,
        )  # fmt: skip
