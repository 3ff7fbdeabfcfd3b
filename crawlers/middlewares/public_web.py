"""Restrict crawls of the live web to public addresses."""

import ipaddress
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self, cast
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
from twisted.internet.interfaces import IReactorCore

PUBLIC_ONLY_SETTING = "PUBLIC_WEB_ONLY"

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotPublic(IgnoreRequest):
    """The address is of this machine, or of a private or reserved network."""


class PublicResolver(CachingThreadedResolver):
    """Scrapy's resolver, restricted to public addresses.

    The connection uses the address that was checked, so a name cannot be rebound in between. Proxies from the
    environment are exempt, because the user configured them.
    """

    def getHostByName(self, name: str, timeout: Any = ()) -> "Deferred[str]":  # noqa: N802 # Twisted's name
        """Resolve `name`; the result fails with `NotPublic` if the address is not public."""
        found = super().getHostByName(name, timeout)
        return found if name in proxy_hosts(getproxies()) else found.addCallback(require_public)


class PublicWebMiddleware:
    """Refuse requests to non-public addresses, including redirects and robots.txt.

    Off without the setting `PUBLIC_WEB_ONLY`. A proxy resolves names itself, so behind one only numeric
    addresses are checked.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the setting."""
        if not crawler.settings.getbool(PUBLIC_ONLY_SETTING):
            raise NotConfigured
        return cls()

    async def process_request(self, request: Request) -> None:
        """Let `request` pass if its host is public.

        Raises:
            NotPublic: the host is not public.
        """
        host = urlparse_cached(request).hostname or ""
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
            raise NotPublic
        if (address := numeric_address(host)) is not None:
            require_public(address)
        elif not goes_through_proxy(request):
            from twisted.internet import reactor

            resolver = cast("IReactorCore", reactor)
            with suppress(DNSLookupError):  # the download reports unknown hosts
                await maybe_deferred_to_future(resolver.resolve(host))  # pyright: ignore[reportArgumentType] # the stub's default is wrong


def goes_through_proxy(request: Request) -> bool:
    """Tell whether a proxy, set on the request or by the environment, resolves its host."""
    url = urlparse_cached(request)
    named = getproxies().get(url.scheme) and not proxy_bypass(url.hostname or "")
    return bool(request.meta.get("proxy") or named)


def proxy_hosts(proxies: Mapping[str, str]) -> set[str]:
    """Return the host names of proxies, given as URLs by scheme."""
    return {host for url in proxies.values() if (host := urlsplit(url).hostname)}


def numeric_address(host: str) -> str | None:
    """Parse a host that is an IP address in any valid form, such as `127.1`; None if it is a name."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def require_public(address: str) -> str:
    """Return an IP address if it is public.

    An IPv4 address embedded in an IPv6 address has to be public too.

    Raises:
        NotPublic: the address is loopback, private, link-local, multicast or reserved.
    """
    ip = ipaddress.ip_address(address)
    inner = [ip]
    if isinstance(ip, ipaddress.IPv6Address):
        inner += [other for other in (ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())) if other]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if ip.ipv4_mapped:
            inner.remove(ip)  # the IPv6 form of it counts as reserved
    if not all(other.is_global and not other.is_multicast for other in inner):
        raise NotPublic
    return address
