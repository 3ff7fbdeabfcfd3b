"""Keep a crawl of the live web away from this machine and from the networks around it."""

import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.resolver import CachingThreadedResolver
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

PUBLIC_ONLY_SETTING = "PUBLIC_WEB_ONLY"

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(IgnoreRequest):
    """The address is this machine's, or one of a private or reserved network."""


class PublicResolver(CachingThreadedResolver):
    """Scrapy's resolver, which gives out public addresses only.

    A connection is made to the very address that was looked at, so a name cannot mean another one by then.
    Proxies that the environment names are exempt: they are this machine's own choice.
    """

    def getHostByName(self, name: str, timeout: Any = ()) -> "Deferred[str]":  # noqa: N802 # Twisted's name
        """Resolve `name`; the result fails with `NotPublic` where the address is none of the public web."""
        found = super().getHostByName(name, timeout)
        return found if name in proxy_hosts(getproxies()) else found.addCallback(require_public)


class PublicWebMiddleware:
    """Refuse requests to addresses that are not public, redirected ones and those for robots.txt included.

    Off without the setting `PUBLIC_WEB_ONLY`. Behind a proxy, which resolves names itself, only addresses
    that are written as numbers can be told.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Look whether it is wanted."""
        if not crawler.settings.getbool(PUBLIC_ONLY_SETTING):
            raise NotConfigured
        return cls()

    async def process_request(self, request: Request) -> None:
        """Let `request` pass if its host is public.

        Raises:
            NotPublic: it is not.
        """
        host = urlparse_cached(request).hostname or ""
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise NotPublic
        if (address := numeric_address(host)) is not None:
            require_public(address)
        elif not goes_through_proxy(request):
            from twisted.internet import reactor

            with suppress(DNSLookupError):  # a host that is not there is for the download to report
                await maybe_deferred_to_future(reactor.resolve(host))  # pyright: ignore


def goes_through_proxy(request: Request) -> bool:
    """Whether a proxy resolves the host of `request`: one that is set, or one that the environment names."""
    url = urlparse_cached(request)
    named = getproxies().get(url.scheme) and not proxy_bypass(url.hostname or "")
    return bool(request.meta.get("proxy") or named)


def proxy_hosts(proxies: Mapping[str, str]) -> set[str]:
    """The host names of proxies, given as URLs by scheme."""
    return {host for url in proxies.values() if (host := urlsplit(url).hostname)}


def numeric_address(host: str) -> str | None:
    """Read a host that is an IP address in any form that connects, such as `127.1`; None if it is a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def require_public(address: str) -> str:
    """Return an IP address if it is of the public internet.

    Addresses that carry an IPv4 address inside are judged by that one as well.

    Raises:
        NotPublic: it is loopback, private, link-local, multicast or reserved.
    """
    ip = ipaddress.ip_address(address)
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [other for other in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if other]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.ipv4_mapped:
            inner.remove(ip)  # the wrapping itself counts as reserved
    if not all(other.is_global and not other.is_multicast for other in inner):
        raise NotPublic
    return address
