"""Obey robots.txt, also for what is asked for while it is still on its way."""

import asyncio
from collections import defaultdict

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached


class OneByOneRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware, where the requests to a host wait for its robots.txt in a queue.

    Scrapy (2.14 to 2.19 at least) lets all of them wait for one Twisted Deferred as asyncio futures; only the
    first is given the rules, the others get None, which means that all is allowed.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the rules of the request's host."""
        async with self.turns[urlparse_cached(request).netloc]:
            return await super().robot_parser(request)
