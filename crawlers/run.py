"""Run one spider in this process, on the web that `crawl.web` names."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.settings import Settings

from crawlers.middlewares.browser import BrowserMiddleware
from crawlers.middlewares.embedded_web import PROXY_SETTING
from herodex.errors import UserError
from herodex.params import CrawlParams

EMBEDDED_WEB = "demo"
"""The value of `crawl.web` that stands for drawn pictures; any other is a folder of pictures."""

# The embedded web is this machine: a long wait between requests would spare nobody anything.
_EMBEDDED_PACE = {
    "AUTOTHROTTLE_START_DELAY": 0.02,
    "AUTOTHROTTLE_MAX_DELAY": 0.1,
    "AUTOTHROTTLE_TARGET_CONCURRENCY": 4.0,
}


def check_web(web: str) -> None:
    """Check that `crawl.web` names something that can be crawled.

    Raises:
        UserError: it is neither the embedded web nor a folder.
    """
    if web == EMBEDDED_WEB or Path(web).is_dir():
        return
    what = (
        "the live web, which this version does not crawl" if web == "live" else "neither 'demo' nor a folder"
    )
    raise UserError(
        f"crawl.web in params.yaml is '{web}': {what}.",
        "Set it to demo, or to a folder with one sub-folder of pictures for each class and distractor.",
    )


def spider_settings(crawl: CrawlParams, proxy: str) -> dict[str, Any]:
    """Say in Scrapy's settings what `params.yaml` says, for the embedded web behind `proxy`, a URL."""
    return {
        PROXY_SETTING: proxy,
        "USER_AGENT": crawl.user_agent,
        "DOWNLOAD_TIMEOUT": crawl.timeout_s,
        "DOWNLOAD_MAXSIZE": int(crawl.max_image_mb * 1_000_000),
        "RETRY_TIMES": crawl.retries,
        **_EMBEDDED_PACE,
    }


def run_spider(spider: type[Spider], settings: Mapping[str, Any], **arguments: Any) -> list[Any]:
    """Run `spider`, made with `arguments`, to its end, and return its items in the order in which they came.

    Twisted's reactor cannot be started twice, so a process can do this once.

    Raises:
        UserError: the crawl ended early; it says why.
    """
    project = Settings()
    project.setmodule("crawlers.settings", priority="project")
    project.update(settings, priority="cmdline")
    logging.disable(logging.INFO)  # Scrapy sets its own level and greets, before it could be told not to
    process = AsyncCrawlerProcess(project)
    logging.disable(logging.NOTSET)
    _quieten(project["LOG_LEVEL"])
    crawler = process.create_crawler(spider)
    items: list[Any] = []

    def keep(item: Any) -> None:
        items.append(item)

    crawler.signals.connect(keep, signals.item_scraped)
    crawl = process.crawl(crawler, **arguments)
    process.start()
    if crawl.done():
        crawl.result()  # raises what kept the crawl from starting
    elif browser := crawler.get_downloader_middleware(BrowserMiddleware):
        browser.spider_closed()  # Ctrl-C came twice, of which Scrapy tells nobody
    stats = crawler.stats.get_stats()
    if not crawl.done() or stats.get("finish_reason") == "shutdown":
        raise UserError("The crawl was interrupted.", "Nothing was changed. Run it again.")
    if (reason := stats["finish_reason"]) != "finished":
        raise UserError(
            f"The crawl stopped: {reason}.", "Nothing was changed. See the cause and run it again."
        )
    if stats.get("spider_exceptions/count"):
        raise UserError("The spider failed on a page.", "Nothing was changed. The messages above say where.")
    return items


def _quieten(level: str) -> None:
    for name in ("scrapy", "urllib3", "selenium"):
        logging.getLogger(name).setLevel(level)
    # They log a traceback for what is a row of the manifest.
    for name in ("scrapy.pipelines.media", "scrapy.downloadermiddlewares.robotstxt"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
