"""Show how a crawl goes: a bar for each source in a terminal, a line now and then elsewhere."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Mapping
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
    """What an item adds to the progress of its source: things done, bytes, and failures by kind."""

    source: str
    done: int = 1
    size: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Tally:
    """How far a source is. `expected` is None where nobody knows how much there is."""

    expected: int | None
    bar: "tqdm[Any]"
    done: int = 0
    size: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    def words(self, unit: str, seconds: float) -> str:
        """Put it into a line; it took `seconds` so far."""
        rate = self.done / max(seconds, 0.001)
        of = f" of at most {self.expected}" if self.expected else ""
        size = f", {self.size / 1e6:.1f} MB" if self.size else ""
        left = f", {(self.expected - self.done) / rate:.0f} s left" if self.expected and rate else ""
        failures = f"; {words}" if (words := self.failure_words()) else ""
        return f"{self.done}{of} {unit}{size} in {seconds:.0f} s, {rate:.1f}/s{left}{failures}"

    def failure_words(self) -> str:
        """Failures by kind, or ''."""
        return ", ".join(f"{count} {kind}" for kind, count in sorted(self.failures.items()))


class CrawlProgress:
    """Count what is done, source by source.

    The spider says in `unit` what it counts, in `expected` how much there may be of each source, and in a
    method `step` what an item adds; without them, each item counts as one of the spider itself.
    """

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
        expected: Mapping[str, int | None] = getattr(spider, "expected", None) or {spider.name: None}
        self.in_terminal = sys.stderr.isatty()
        self.tallies = {
            source: Tally(
                count,
                tqdm(total=count, desc=f"{self.unit}, {source}", unit="", disable=not self.in_terminal),
            )
            for source, count in expected.items()
        }
        self.started = time.monotonic()
        self.lines = create_looping_call(self.log_lines)
        if not self.in_terminal:
            self.lines.start(LINE_EVERY_S, now=False)

    def item_scraped(self, item: Any, spider: Spider) -> None:
        """Count one item."""
        step: Step = spider.step(item) if hasattr(spider, "step") else Step(spider.name)  # pyright: ignore[reportAttributeAccessIssue]
        tally = self.tallies[step.source]
        tally.done += step.done
        tally.size += step.size
        tally.failures.update(step.failures)
        tally.bar.set_postfix_str(f"{tally.size / 1e6:.1f} MB {tally.failure_words()}", refresh=False)
        tally.bar.update(step.done)

    def spider_closed(self) -> None:
        """Stop the clock and say how it went."""
        if self.lines.running:
            self.lines.stop()
        for tally in self.tallies.values():
            tally.bar.close()
        self.log_lines()

    def log_lines(self) -> None:
        """Log one line about each source."""
        seconds = time.monotonic() - self.started
        for source, tally in self.tallies.items():
            log.info("%s: %s", source, tally.words(self.unit, seconds))
