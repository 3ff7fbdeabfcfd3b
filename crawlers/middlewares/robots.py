"""Follow robots.txt strictly: while it loads and when it cannot be read."""

import asyncio
from collections import defaultdict

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached


class RobotsUnreadable(IgnoreRequest):
    """A host's robots.txt cannot be read, so the host is not crawled (RFC 9309, section 2.3.1.4)."""


class StrictRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware without its two gaps that let requests pass unchecked.

    In Scrapy (2.14 to 2.19 at least), all requests to a host await one Twisted Deferred as asyncio futures;
    only the first gets the rules, the others get None, which allows everything. Here a lock serialises them.
    And if robots.txt ends in a server or network error, nothing is allowed.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def robot_parser(self, request: Request) -> RobotParser:
        """Return the rules of the request's host.

        Raises:
            RobotsUnreadable: robots.txt could not be read.
        """
        async with self.turns[urlparse_cached(request).netloc]:
            rules = await super().robot_parser(request)
        if rules is None:
            raise RobotsUnreadable("the host's robots.txt cannot be read")
        return rules

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            raise RobotsUnreadable
        await super()._parse_robots(response, netloc, request)
