"""Obey robots.txt, also for what is asked for while it is on its way, and when it does not arrive."""

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
    """A host does not let its rules be read, so nothing is asked of it (RFC 9309, section 2.3.1.4)."""


class StrictRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware without the two ways in which it lets requests pass unchecked.

    Scrapy (2.14 to 2.19 at least) lets all requests to a host wait for one Twisted Deferred as asyncio
    futures; only the first is given the rules, the others get None, which means that all is allowed. Here
    they wait in a queue. And a robots.txt that ends in an error of the server or the network allows nothing.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def robot_parser(self, request: Request) -> RobotParser:
        """Return the rules of the request's host.

        Raises:
            RobotsUnreadable: they could not be read.
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
