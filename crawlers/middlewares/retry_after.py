"""Retry failed requests after the server's Retry-After, counting attempts across restarts."""

import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapy import Request
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import Response
from scrapy.settings import BaseSettings

from crawlers.malformed import MALFORMED


class RetryAfterMiddleware(RetryMiddleware):
    """Scrapy's retry middleware with support for Retry-After: until then, the host gets no request at all.

    A response with a longer wait than `RETRY_AFTER_MAX_S` is not retried. The middleware reports each failed
    attempt to the spider's method `count_try`, if it has one.
    """

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self.longest_wait_s = settings.getfloat("RETRY_AFTER_MAX_S")

    def process_response(self, request: Request, response: Response) -> Request | Response:  # pyright: ignore[reportIncompatibleMethodOverride] # as Scrapy calls it since 2.14
        """Return `response`, or the request to retry."""
        header = (response.headers.get("Retry-After") or b"").decode("latin-1")
        if header and response.status in self.retry_http_codes:
            wait_s = retry_after_s(header, datetime.now(UTC))
            if wait_s > self.longest_wait_s:
                return response
            self._hold(request, wait_s)
        return super().process_response(request, response)

    def _hold(self, request: Request, wait_s: float) -> None:
        # The slot waits for its delay after `lastseen`; a time in the future holds back all requests until
        # then.
        assert self.crawler.engine
        if slot := self.crawler.engine.downloader.slots.get(request.meta.get("download_slot", "")):
            slot.delay = max(slot.delay, 0.001)
            slot.lastseen = max(slot.lastseen, time.monotonic() + wait_s)

    def _retry(self, request: Request, reason: str | Exception | type[Exception]) -> Request | None:
        again = super()._retry(request, reason)
        if again and (count_try := getattr(self.crawler.spider, "count_try", None)):
            count_try(again)
        return again


def retry_after_s(header: str, now: datetime) -> float:
    """Parse a Retry-After header to seconds from `now`; 0 if it is missing, past or malformed.

    The header holds a number of seconds or an HTTP date (RFC 9110, section 10.2.3).
    """
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - now).total_seconds())
    except MALFORMED:
        return 0.0
