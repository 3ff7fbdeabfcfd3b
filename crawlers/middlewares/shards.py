"""Keep a process to the hosts of its shard."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured

from crawlers.shards import shard_of

ANY_SHARD = "any_shard"
"""Key in a request's `meta` that exempts it."""


class OtherShard(IgnoreRequest):
    """The request leads to a host that another process asks."""


class ShardMiddleware:
    """Refuse requests to hosts of other shards, to which redirects lead; off for spiders without a shard."""

    def __init__(self, shard: int, shards: int) -> None:
        self.shard, self.shards = shard, shards

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the shard and the number of shards from the spider."""
        shard: tuple[int, int] | None = getattr(crawler.spider, "shard", None)
        if shard is None:
            raise NotConfigured
        return cls(*shard)

    def process_request(self, request: Request) -> None:
        """Let `request` pass if its host belongs to the shard.

        Raises:
            OtherShard: it does not.
        """
        if shard_of(request.url, self.shards) != self.shard and not request.meta.get(ANY_SHARD):
            raise OtherShard
