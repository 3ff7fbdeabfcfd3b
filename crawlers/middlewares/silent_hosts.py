"""Send no request to a host that has given no answer to many images in a row."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured

from crawlers.silent_hosts import SilentHosts, host_of


class HostGivenUp(IgnoreRequest):
    """The host has given no answer for so long that it is given up."""


class SilentHostsMiddleware:
    """Drop the requests to hosts that the spider's `hosts` have given up; off for spiders without them."""

    def __init__(self, hosts: SilentHosts) -> None:
        self.hosts = hosts

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the hosts from the spider."""
        hosts = getattr(crawler.spider, "hosts", None)
        if hosts is None:
            raise NotConfigured
        return cls(hosts)

    def process_request(self, request: Request) -> None:
        """Let `request` pass unless its host is given up.

        Raises:
            HostGivenUp: it is.
        """
        if reason := self.hosts.given_up.get(host_of(request.url)):
            raise HostGivenUp(reason)
