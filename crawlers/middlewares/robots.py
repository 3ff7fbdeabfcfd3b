"""Follow robots.txt strictly: while it loads and when it cannot be read."""

import asyncio
import re
from collections import defaultdict

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

from crawlers.middlewares.shards import OtherShard

MOST_BYTES = 500 * 1024
"""Bytes of a robots.txt that are read, which RFC 9309 (section 2.5) allows."""
MOST_AGENTS = 20
"""Groups for different names of this crawler that are read."""
_AGENT = re.compile(r"\s*user[\s-]?agents?(?:\s*:|\s)\s*([^#]*)", re.IGNORECASE)


class RobotsUnreadable(IgnoreRequest):
    """A host's robots.txt cannot be read, so the host is not crawled (RFC 9309, section 2.3.1.4)."""


class RobotsUnanswered(RobotsUnreadable):
    """A host gave no answer at all to the request of its robots.txt."""


class RobotsElsewhere(OtherShard):
    """A host's robots.txt redirects to a host that another process asks."""


class StrictRobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's middleware without its two gaps that let requests pass unchecked.

    In Scrapy (2.14 to 2.19 at least), all requests to a host await one Twisted Deferred as asyncio futures;
    only the first gets the rules, the others get None, which allows everything. Here a lock serialises them.
    And if robots.txt ends in a server or network error, nothing is allowed. Parsing takes bounded time.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.unanswered: set[str] = set()
        self.elsewhere: set[str] = set()

    async def robot_parser(self, request: Request) -> RobotParser:
        """Return the rules of the request's host.

        Raises:
            RobotsUnreadable: robots.txt could not be read.
            RobotsElsewhere: it redirects to a host of another shard.
        """
        host = urlparse_cached(request).netloc
        async with self.turns[host]:
            rules = await super().robot_parser(request)
        if host in self.elsewhere:
            raise RobotsElsewhere
        if rules is None:
            kind = RobotsUnanswered if host in self.unanswered else RobotsUnreadable
            raise kind("the host's robots.txt cannot be read")
        return rules

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        if isinstance(exc, OtherShard):
            self.elsewhere.add(netloc)
        elif not isinstance(exc, IgnoreRequest):
            self.unanswered.add(netloc)
        super()._robots_error(exc, netloc)

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            raise RobotsUnreadable
        agent = self._robotstxt_useragent or self._default_useragent
        bounded = bounded_robots(response.body, agent)
        await super()._parse_robots(response.replace(body=bounded), netloc, request)


def bounded_robots(body: bytes, user_agent: str) -> bytes:
    """Shorten a robots.txt so that parsing it takes little time; the rules for `user_agent` stay.

    Scrapy's parser stores each rule of a group for each user agent of the group, and it runs in the crawl's
    event loop. All user agents whose rules cannot apply become one.
    """
    if len(body) > MOST_BYTES:
        body = body[:MOST_BYTES].rpartition(b"\n")[0]
    ours: set[str] = set()
    lines: list[str] = []
    for line in body.decode("utf-8-sig", errors="ignore").splitlines():
        if found := _AGENT.match(line):
            name = found[1].strip().lower()
            is_ours = name == "*" or name.replace("*", "") in user_agent.lower()
            if is_ours and len(ours) < MOST_AGENTS:
                ours.add(name)
            lines.append(line if name in ours else "User-agent: \0")
        else:
            lines.append(line)
    return "\n".join(lines).encode()
