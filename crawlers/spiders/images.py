"""Download images and keep their bytes unchanged."""

import asyncio
import hashlib
import logging
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from scrapy import Request, Spider
from scrapy.exceptions import CloseSpider
from scrapy.http import Response
from twisted.python.failure import Failure

from crawlers.extensions.progress import Step
from crawlers.failures import FORGOTTEN, error_of, explain_failure, gave_answer, request_of, status_words
from crawlers.file_kinds import NOT_AN_IMAGE
from crawlers.items import Download, Hop, SearchResult, Status
from crawlers.journal import Journal, describe
from crawlers.middlewares.robots import RobotsElsewhere
from crawlers.middlewares.shards import ANY_SHARD, OtherShard
from crawlers.silent_hosts import MOST_UNANSWERED, SilentHosts, host_of
from crawlers.web_address import is_web_address
from herodex.file_kind import recognise
from herodex.forgotten_list import NOTHING, ForgottenList

log = logging.getLogger(__name__)


class ImagesSpider(Spider):
    """Download the image of each of `results` once; store it in the journal and yield its `Download`.

    URLs in `done` are not requested again. A host that gives no answer to many images in a row is given up;
    if no host answers any more, the crawl stops. `shard` is the number of a shard and the number of shards:
    URLs that lead to a host of another shard are handed over. `witnesses` are URLs that other processes have
    fetched. Images that `forgotten` has are not stored.
    """

    name = "images"
    unit = "images"
    custom_settings = {"HTTPERROR_ALLOW_ALL": True}  # noqa: RUF012 # as Scrapy declares it

    def __init__(
        self,
        results: Sequence[SearchResult],
        done: Mapping[str, Download],
        journal: Journal,
        shard: tuple[int, int] | None = None,
        witnesses: Sequence[str] = (),
        forgotten: ForgottenList = NOTHING,
        **kwargs: Any,
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
        self.shard = shard
        self.witnesses = witnesses
        self.forgotten = forgotten
        self.hops = {} if shard else journal.handed_over()
        self.failed_tries = journal.failed_tries()
        self.waiting: set[str] = set()
        self.hosts = SilentHosts()
        self.checks_network = False
        self.stopped = False

    async def start(self) -> AsyncIterator[Request | Download]:
        """Request one image after another, as room in the queue becomes free."""
        self.room = asyncio.Semaphore(self.settings.getint("IMAGES_AT_A_TIME"))
        for url in self.urls:
            if not is_web_address(url):
                yield self._keep(Download(url, Status.REFUSED, "not a web address"))
                continue
            await self.room.acquire()
            self.waiting.add(url)
            yield self._request_for(url)

    def _request_for(self, url: str) -> Request:
        meta: dict[str, Any] = {"retry_times": self.failed_tries.get(url, 0), "dont_cache": True}
        hop = self.hops.get(url, Hop(url))
        if redirects := list(hop.redirect_urls):
            left = self.settings.getint("REDIRECT_MAX_TIMES") - len(redirects)
            meta |= {
                "redirect_urls": redirects, "redirect_times": len(redirects), "redirect_ttl": left
            }  # fmt: skip
        return Request(
            hop.url,
            callback=self.parse,
            errback=self.give_up,
            cb_kwargs={"url": url},
            meta=meta,
            dont_filter=True,
        )

    def parse(self, response: Response, url: str) -> Iterator[Download]:
        """Store an image, or record why the response is none."""
        self._note_answers(response.request, response.url)
        yield self._kept(response, url)
        self._make_room(url)

    def _kept(self, response: Response, url: str) -> Download:
        if response.status != 200:
            return self._keep(Download(url, Status.HTTP_ERROR, status_words(response.status)))
        kind = recognise(response.body)
        if kind is None or not kind.extension:
            reason = kind.refusal if kind else NOT_AN_IMAGE
            return self._keep(Download(url, Status.NOT_AN_IMAGE, reason))
        if self.forgotten.has_content(hashlib.sha256(response.body).hexdigest()):
            return self._keep(Download(url, Status.FORGOTTEN, FORGOTTEN))
        try:
            return self.journal.keep_image(url, response.body, kind.extension)
        except (OSError, sqlite3.Error) as error:
            raise CloseSpider(f"an image could not be stored: {describe(error)}") from error

    def give_up(self, failure: Failure) -> Iterator[Download | Request]:
        """Record why there was no image; check the network after many images without an answer.

        Raises:
            CloseSpider: the network seems to be down.
        """
        request, error = request_of(failure), error_of(failure)
        url = request.cb_kwargs["url"]
        self._make_room(url)
        if isinstance(error, OtherShard):
            self._hand_over(request, url, error)
            return
        status, reason = explain_failure(error)
        answered = gave_answer(error, status)
        if answered is False and self.stopped:
            return
        yield self._keep(Download(url, status, reason))
        if answered is False:
            yield from self._note_silence(request, url, reason)
        elif answered:
            self._note_answers(request, request.url)

    def _hand_over(self, request: Request, url: str, error: OtherShard) -> None:
        redirected: list[str] = request.meta.get("redirect_urls", [])
        try:
            self.journal.hand_over(url, Hop(request.url, tuple(redirected)))
        except sqlite3.Error as failure:
            raise CloseSpider(f"the journal could not be written: {describe(failure)}") from failure
        for each in [*redirected, *([request.url] if isinstance(error, RobotsElsewhere) else [])]:
            self._report(self.hosts.note_answer(host_of(each)))

    def _note_answers(self, request: Request | None, url: str) -> None:
        redirected: list[str] = request.meta.get("redirect_urls", []) if request else []
        for each in [*redirected, url]:
            self._report(self.hosts.note_answer(host_of(each)))

    def _note_silence(self, request: Request, url: str, reason: str) -> Iterator[Request]:
        for each in request.meta.get("redirect_urls", []):
            self._report(self.hosts.note_answer(host_of(each)))
        self._report(self.hosts.note_silence(host_of(request.url), url))
        if self.hosts.network_may_be_down() and not self.checks_network:
            yield self._network_check(reason)

    def _network_check(self, reason: str) -> Request:
        """Request a page of another host that has answered in this crawl.

        Raises:
            CloseSpider: there is none.
        """
        witness = self.hosts.witness([*self.journal.page_urls(), *self.witnesses])
        if witness is None:
            raise self._stop(reason)
        self.checks_network = True
        return Request(
            urljoin(witness, "/robots.txt"),
            callback=self.network_works,
            errback=self.network_is_down,
            meta={"dont_cache": True, "dont_obey_robotstxt": True, ANY_SHARD: True, "reason": reason},
            priority=1,
            dont_filter=True,
        )

    def network_works(self, response: Response) -> None:
        """Go on: the network works, so the hosts that gave no answer are to blame."""
        self.checks_network = False
        self._report(self.hosts.note_answer(host_of(response.url)))

    def network_is_down(self, failure: Failure) -> None:
        """Stop the crawl, unless the check itself was left out.

        Raises:
            CloseSpider: no host answers.
        """
        self.checks_network = False
        error = error_of(failure)
        if gave_answer(error, explain_failure(error)[0]) is False:
            raise self._stop(request_of(failure).meta["reason"])

    def _stop(self, reason: str) -> CloseSpider:
        self.stopped = True
        self.journal.forget_downloads(self.hosts.unanswered)
        return CloseSpider(f"{MOST_UNANSWERED} images in a row could not be reached: {reason}")

    def _report(self, given_up: Sequence[str]) -> None:
        for host in given_up:
            log.warning(
                "%s is given up: %d of its images in a row had no answer; its other images are left out",
                host, MOST_UNANSWERED,
            )  # fmt: skip

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
