"""Download images and keep their bytes unchanged."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.extensions.progress import Step
from crawlers.failures import error_of, explain_failure, request_of, status_words
from crawlers.file_kinds import NOT_AN_IMAGE
from crawlers.items import Download, SearchResult, Status
from crawlers.journal import Journal, describe
from crawlers.web_address import is_web_address
from herodex.file_kind import recognise

UNREACHABLE_TO_STOP = 25
"""This many unreachable images in a row mean that the network is down."""


class ImagesSpider(Spider):
    """Download the image of each of `results` once; store it in the journal and yield its `Download`.

    URLs in `done` are not requested again.
    """

    name = "images"
    unit = "images"
    custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012 # as Scrapy declares it

    def __init__(
        self, results: Sequence[SearchResult], done: Mapping[str, Download], journal: Journal, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.source_of = {
            result.image_url: result.source for result in reversed(results) if result.image_url not in done
        }
        self.urls = list(
            dict.fromkeys(result.image_url for result in results if result.image_url not in done)
        )
        self.expected = dict(Counter(self.source_of.values()))
        self.journal = journal
        self.failed_tries = journal.failed_tries()
        self.waiting: set[str] = set()
        self.unreachable_in_a_row: list[str] = []

    async def start(self) -> AsyncIterator[Request | Download]:
        """Request one image after another, as room in the queue becomes free."""
        self.room = asyncio.Semaphore(self.settings.getint("IMAGES_AT_A_TIME"))
        for url in self.urls:
            if not is_web_address(url):
                yield self._keep(Download(url, Status.REFUSED, "not a web address"))
                continue
            await self.room.acquire()
            self.waiting.add(url)
            yield Request(
                url,
                callback=self.parse,
                errback=self.give_up,
                cb_kwargs={"url": url},
                meta={"retry_times": self.failed_tries.get(url, 0), "dont_cache": True},
                dont_filter=True,
            )

    def parse(self, response: Response, url: str) -> Iterator[Download]:
        """Store an image, or record why the response is none."""
        self.unreachable_in_a_row = []
        yield self._kept(response, url)
        self._make_room(url)

    def _kept(self, response: Response, url: str) -> Download:
        if response.status != 200:
            return self._keep(Download(url, Status.HTTP_ERROR, status_words(response.status)))
        kind = recognise(response.body)
        if kind is None or not kind.extension:
            reason = kind.refusal if kind else NOT_AN_IMAGE
            return self._keep(Download(url, Status.NOT_AN_IMAGE, reason))
        try:
            return self.journal.keep_image(url, response.body, kind.extension)
        except (OSError, sqlite3.Error) as error:
            raise CloseSpider(f"an image could not be stored: {describe(error)}") from error

    def give_up(self, failure: Failure) -> Iterator[Download]:
        """Record why there was no response.

        Raises:
            CloseSpider: the network seems to be down.
        """
        url = request_of(failure).cb_kwargs["url"]
        self._make_room(url)
        status, reason = explain_failure(error_of(failure))
        self.unreachable_in_a_row = [*self.unreachable_in_a_row, url] if status is Status.UNREACHABLE else []
        if len(self.unreachable_in_a_row) >= UNREACHABLE_TO_STOP:
            self.journal.forget_downloads(self.unreachable_in_a_row)
            raise CloseSpider(f"{UNREACHABLE_TO_STOP} images in a row could not be reached: {reason}")
        yield self._keep(Download(url, status, reason))

    def step(self, download: Download) -> Step:
        """Count a download for the source that found it."""
        failures = {} if download.status is Status.OK else {str(download.status): 1}
        return Step(self.source_of[download.url], 1, download.size, failures)

    def count_try(self, request: Request) -> None:
        """Count a failed attempt in the journal, so that a continued crawl does not count from zero."""
        if url := request.cb_kwargs.get("url"):
            self.journal.count_try(url)
            self._make_room(url)

    def _make_room(self, url: str) -> None:
        if url in self.waiting:
            self.waiting.remove(url)
            self.room.release()

    def _keep(self, download: Download) -> Download:
        # Images over the budget are not stored, so a crawl with a larger budget downloads them.
        if download.status is not Status.OVER_BUDGET:
            try:
                self.journal.keep_download(download)
            except sqlite3.Error as error:
                raise CloseSpider(f"the journal could not be written: {describe(error)}") from error
        return download
