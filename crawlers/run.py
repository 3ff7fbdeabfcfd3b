"""Run Scrapy spiders in this process, phase by phase."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scrapy import Spider, signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import SETTINGS_PRIORITIES, Settings

from crawlers.middlewares.browser import BrowserMiddleware
from crawlers.middlewares.demo_web import PROXY_SETTING
from crawlers.middlewares.public_web import PUBLIC_ONLY_SETTING
from crawlers.web import LIVE_WEB
from herodex.errors import UserError
from herodex.params import CrawlParams

# The demo web runs on this machine, so pauses between requests spare nobody. Six images at a time hide slow
# answers, more are no faster, and a killed crawl then repeats few requests.
_DEMO_PACE = {"AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": 0, "IMAGES_AT_A_TIME": 6}


@dataclass(frozen=True)
class Job:
    """A spider to run, its arguments, the callback for its items, and its own settings."""

    spider: type[Spider]
    arguments: Mapping[str, Any]
    keep: Callable[[Any], None]
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])


def spider_settings(crawl: CrawlParams, proxy: str | None) -> dict[str, Any]:
    """Translate `params.yaml` to Scrapy's settings.

    Args:
        crawl: how to crawl.
        proxy: the URL of the proxy that plays the web; None to crawl the live web itself.
    """
    settings = {
        "USER_AGENT": user_agent(crawl),
        "DOWNLOAD_TIMEOUT": crawl.timeout_s,
        "DOWNLOAD_DELAY": crawl.delay_s,
        "CONCURRENT_REQUESTS_PER_DOMAIN": crawl.per_host,
        "DOWNLOAD_MAXSIZE": int(crawl.max_image_mb * 1_000_000),
        "RETRY_TIMES": crawl.retries,
        "CRAWL_MAX_S": crawl.max_minutes * 60,
        "CRAWL_MAX_BYTES": crawl.max_total_mb * 1_000_000,
        PUBLIC_ONLY_SETTING: crawl.web == LIVE_WEB,
    }
    if proxy:
        settings[PROXY_SETTING] = proxy
    if crawl.web == LIVE_WEB and not proxy:
        settings["TWISTED_DNS_RESOLVER"] = "crawlers.middlewares.public_web.PublicResolver"
    if crawl.web != LIVE_WEB:
        settings |= _DEMO_PACE
    return settings


def user_agent(crawl: CrawlParams) -> str:
    """Return the User-Agent header: the crawler and its operator's contact."""
    return f"{crawl.user_agent} (+{crawl.contact})" if crawl.contact else crawl.user_agent


def run_spiders(settings: Mapping[str, Any], phases: Sequence[Callable[[], Sequence[Job]]]) -> None:
    """Run the phases one after another, and the jobs of a phase concurrently.

    A process can call this once only, because Twisted's reactor cannot be restarted.

    Args:
        settings: Scrapy's settings for all jobs.
        phases: each returns its jobs, after the phase before it has ended.

    Raises:
        UserError: a spider ended early; the message says why. Later phases are skipped.
    """
    project = Settings()
    project.setmodule("crawlers.settings", priority="project")
    project.update(settings, priority="cmdline")
    logging.disable(logging.INFO)  # Scrapy logs its greeting before its level can be set
    process = AsyncCrawlerProcess(project)
    logging.disable(logging.NOTSET)
    _quieten(project["LOG_LEVEL"])
    crawlers: list[Crawler] = []

    async def run_all() -> None:
        for phase in phases:
            started = [_start(process, project, job) for job in phase()]
            crawlers[:] = [crawler for crawler, _ in started]
            await asyncio.gather(*(task for _, task in started))
            for crawler in crawlers:
                check_end(crawler)

    task = asyncio.get_event_loop().create_task(run_all())
    task.add_done_callback(process._stop_reactor)  # pyright: ignore[reportPrivateUsage] # Scrapy has no public call
    process.start(stop_after_crawl=False)
    if not task.done():
        # The reactor was stopped by Ctrl-C; after a second Ctrl-C, Scrapy does not close the spiders.
        for crawler in crawlers:
            if browser := crawler.get_downloader_middleware(BrowserMiddleware):
                browser.spider_closed()
        raise _interrupted()
    task.result()


def check_end(crawler: Crawler) -> None:
    """Check that a spider finished.

    Raises:
        UserError: it ended early; the message says why.
    """
    assert crawler.stats
    stats = crawler.stats.get_stats()
    reason = stats.get("finish_reason")
    if reason == "shutdown":
        raise _interrupted()
    if reason != "finished":
        raise UserError(f"The crawl stopped: {reason}.", "Remove the cause and run it again to continue.")
    if stats.get("spider_exceptions/count"):
        raise UserError(
            "A spider failed on a page.", "The messages above say where. Earlier outputs are unchanged."
        )


def _start(process: AsyncCrawlerProcess, project: Settings, job: Job) -> tuple[Crawler, "asyncio.Task[None]"]:
    own = project.copy()
    # Scrapy sets the settings of all jobs again, with their own priority.
    own.update(dict(job.settings), priority=SETTINGS_PRIORITIES["cmdline"] + 1)
    crawler = Crawler(job.spider, own)

    def keep(item: Any) -> None:
        job.keep(item)

    crawler.signals.connect(keep, signals.item_scraped, weak=False)
    return crawler, process.crawl(crawler, **job.arguments)


def _interrupted() -> UserError:
    return UserError("The crawl was interrupted.", "Run it again to continue.")


def _quieten(level: str) -> None:
    for name in ("scrapy", "urllib3", "selenium"):
        logging.getLogger(name).setLevel(level)
    # It logs a traceback for failures that the manifest reports.
    logging.getLogger("scrapy.downloadermiddlewares.robotstxt").setLevel(logging.CRITICAL)
