"""Assign the hosts of images to the shards of a crawl over several machines.

A host belongs to the shard with the highest rendezvous hash: the SHA-256 of the host's name, a blank and the
shard's number, as bytes. The assignment depends on the name and the number of shards alone. With another
number of shards, only hosts whose shard is new or removed change their shard.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from urllib.parse import urlsplit

from scrapy import Request

from crawlers.items import SearchResult
from crawlers.web_address import is_web_address
from herodex.errors import UserError

_PART = re.compile(r"(\d+)(?:-(\d+))?")


@cache
def shard_of_host(host: str, shards: int) -> int:
    """Return the shard of a host, from 0."""
    return max(range(shards), key=lambda shard: hashlib.sha256(f"{host} {shard}".encode()).digest())


def shard_of(url: str, shards: int) -> int:
    """Return the shard of a URL's host; texts that are no web addresses share one."""
    return shard_of_host(host_name(url), shards)


def host_name(url: str) -> str:
    """Return the host of a URL as delays are kept for it: in lower case, without port; '' if it has none."""
    if not is_web_address(url):
        return ""
    return (urlsplit(Request(url).url).hostname or "").removesuffix(".")


def by_shard(results: Sequence[SearchResult], shards: int) -> dict[int, list[SearchResult]]:
    """Divide results among the shards that get any, in their order."""
    divided: dict[int, list[SearchResult]] = {}
    for result in results:
        divided.setdefault(shard_of(result.image_url, shards), []).append(result)
    return dict(sorted(divided.items()))


def parse_shards(text: str, shards: int) -> list[int]:
    """Parse shards such as `7/64`, `0-31/64` or `3,8-11/64`.

    Raises:
        UserError: the text has another form, names a shard that does not exist, or another number of shards.
    """
    listed, _, count = text.partition("/")
    parts = [_PART.fullmatch(part) for part in listed.split(",")]
    if not count.isdecimal() or not all(parts):
        raise UserError(f"'{text}' names no shard.", f"Write 7/{shards}, or a range such as 0-31/{shards}.")
    if int(count) != shards:
        raise UserError(
            f"'{text}' is one of {int(count)} shards, and scale.crawl_shards in params.yaml is {shards}.",
            f"Write {listed}/{shards}, or change the setting before the searches.",
        )
    ranges = [range(int(part[1]), int(part[2] or part[1]) + 1) for part in parts if part]
    found = sorted({number for numbers in ranges for number in numbers if number < shards})
    if not all(ranges) or any(numbers.stop > shards for numbers in ranges):
        raise UserError(f"'{text}' names a shard that does not exist.", f"They are 0 to {shards - 1}.")
    return found


def listed(numbers: Sequence[int], shards: int) -> str:
    """Write sorted numbers of shards as `parse_shards` reads them."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][-1] + 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return f"{','.join('-'.join(map(str, part)) for part in ranges)}/{shards}"
