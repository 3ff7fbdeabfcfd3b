"""Retry as Scrapy does, but not before the server said."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapy import Request
from scrapy.downloadermiddlewares.retry import RetryMiddleware
from scrapy.http import Response
from scrapy.settings import BaseSettings


class RetryAfterMiddleware(RetryMiddleware):
    """Scrapy's retry middleware; it waits as Retry-After asks, at most `RETRY_AFTER_MAX_S`."""

    def __init__(self, settings: BaseSettings) -> None:
        super().__init__(settings)
        self.longest_wait_s = settings.getfloat("RETRY_AFTER_MAX_S")

    async def process_response(self, request: Request, response: Response) -> Request | Response:  # pyright: ignore[reportIncompatibleMethodOverride] # Scrapy awaits a coroutine just as well
        """Return `response`, or, after the wait, the request to try again."""
        outcome = super().process_response(request, response)
        if isinstance(outcome, Request):
            header = response.headers.get("Retry-After") or b""
            wait_s = retry_after_s(header.decode("latin-1"), datetime.now(UTC))
            await asyncio.sleep(min(wait_s, self.longest_wait_s))
        return outcome


def retry_after_s(header: str, now: datetime) -> float:
    """Read a Retry-After header as seconds from `now`; 0 where it is missing, past or makes no sense.

    It holds a number of seconds or an HTTP date (RFC 9110, section 10.2.3).
    """
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - now).total_seconds())
