"""Send no request to an address or host that `data/forgotten.csv` has, to which redirects may lead."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured

from herodex.forgotten_list import ForgottenList


class ForgottenAddress(IgnoreRequest):
    """The address or its host is withdrawn."""


class ForgottenMiddleware:
    """Drop requests to withdrawn addresses; off for spiders without a list or with an empty one."""

    def __init__(self, forgotten: ForgottenList) -> None:
        self.forgotten = forgotten

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the list from the spider."""
        forgotten: ForgottenList | None = getattr(crawler.spider, "forgotten", None)
        if not forgotten or not forgotten.reasons:
            raise NotConfigured
        return cls(forgotten)

    def process_request(self, request: Request) -> None:
        """Let `request` pass unless its address is withdrawn.

        Raises:
            ForgottenAddress: it is.
        """
        if self.forgotten.has_url(request.url):
            raise ForgottenAddress
