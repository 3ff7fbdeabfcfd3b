"""Show a crawl's progress: a bar for each source in a terminal, regular log lines elsewhere."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import create_looping_call
from tqdm import tqdm

from herodex.progress import LINE_EVERY_S

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """The contribution of one item to its source's progress: count, bytes, and failures by kind."""

    source: str
    done: int = 1
    size: int = 0
    failures: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass
class Tally:
    """The progress of one source; `expected` is None if the total is unknown."""

    expected: int | None
    bar: "tqdm[Any]"
    done: int = 0
    size: int = 0
    failures: Counter[str] = field(default_factory=Counter[str])

    def line(self, unit: str, seconds: float) -> str:
        """Describe the progress after `seconds` in one line."""
        rate = self.done / max(seconds, 0.001)
        of = f" of at most {self.expected}" if self.expected else ""
        size = f", {self.size / 1e6:.1f} MB" if self.size else ""
        left = f", {(self.expected - self.done) / rate:.0f} s left" if self.expected and rate else ""
        failures = f"; {words}" if (words := self.failure_words()) else ""
        return f"{self.done}{of} {unit}{size} in {seconds:.0f} s, {rate:.1f}/s{left}{failures}"

    def failure_words(self) -> str:
        """List the failures by kind; '' if there are none."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.failures.items()))


class CrawlProgress:
    """Count items by source.

    The spider may define `unit` (the name of what it counts), `expected` (the largest count by source) and a
    method `step` that turns an item into a `Step`. Without them, each item counts as one of the spider's own.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Connect to the crawl's signals."""
        progress = cls()
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.item_scraped, signals.item_scraped)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self, spider: Spider) -> None:
        """Start the clock and the bars."""
        self.unit: str = getattr(spider, "unit", "items")
        expected: Mapping[str, int | None] = getattr(spider, "expected", None) or {spider.name: None}
        self.in_terminal = sys.stderr.isatty()
        self.tallies = {
            source: Tally(
                count,
                tqdm(total=count, desc=f"{self.unit}, {source}", unit="", disable=not self.in_terminal),
            )
            for source, count in expected.items()
        }
        self.step: Callable[[Any], Step] = getattr(spider, "step", None) or (lambda _: Step(spider.name))
        self.started = time.monotonic()
        self.lines = create_looping_call(self.log_lines)
        if not self.in_terminal:
            self.lines.start(LINE_EVERY_S, now=False)

    def item_scraped(self, item: Any) -> None:
        """Count one item."""
        step = self.step(item)
        tally = self.tallies[step.source]
        tally.done += step.done
        tally.size += step.size
        tally.failures.update(step.failures)
        tally.bar.set_postfix_str(f"{tally.size / 1e6:.1f} MB {tally.failure_words()}", refresh=False)
        tally.bar.update(step.done)

    def spider_closed(self) -> None:
        """Stop the clock and log the final counts."""
        if self.lines.running:
            self.lines.stop()
        for tally in self.tallies.values():
            tally.bar.close()
        self.log_lines()

    def log_lines(self) -> None:
        """Log one line about each source."""
        seconds = time.monotonic() - self.started
        for source, tally in self.tallies.items():
            log.info("%s: %s", source, tally.line(self.unit, seconds))
