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

_LOCAL_SUFFIXES = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".private", ".corp", ".home", ".lan",
    ".home.arpa", ".onion",
)  # fmt: skip
"""Ends of names that are no names of the public DNS."""
_SPECIAL_IPV4 = tuple(
    map(
        ipaddress.IPv4Network,
        # Carrier-grade NAT, protocol assignments, 6to4 relays, benchmarks, and the host of Azure's machines.
        ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "168.63.129.16/32"),
    )
)
"""Networks that are not public, whatever the version of Python says."""
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
"""The only public addresses of IPv6, apart from those that hold an address of IPv4."""
_SPECIAL_IPV6 = tuple(
    map(
        ipaddress.IPv6Network,
        # Protocol assignments with Teredo, documentation twice, and local segment routing.
        ("2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that ends in one of IPv4 (RFC 5214)."""


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
        require_public_host(host)
        if numeric_address(host) is None and not goes_through_proxy(request):
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


def require_public_host(host: str) -> None:
    """Check a host, without resolving it: a name of the public DNS, or a public address in any form.

    Raises:
        NotPublic: it is the name of this machine or of a local network, or an address that is not public, or
            the user's own proxy.
    """
    name = host.lower().removesuffix(".")
    if (address := numeric_address(name)) is not None:
        require_public(address)
    elif "." not in name or name.endswith(_LOCAL_SUFFIXES) or name in proxy_hosts(getproxies()):
        raise NotPublic


def numeric_address(host: str) -> str | None:
    """Parse a host that is an IP address in any valid form, such as `127.1`; None if it is a name."""
    host = host.removesuffix(".")
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def require_public(address: str) -> str:
    """Return an IP address if it is public.

    An IPv4 address embedded in an IPv6 address has to be public too.

    Raises:
        NotPublic: the address is loopback, private, link-local, multicast or reserved.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    public = _is_public_ipv4(ip) if isinstance(ip, ipaddress.IPv4Address) else _is_public_ipv6(ip)
    if not public:
        raise NotPublic
    return address


def _is_public_ipv4(ip: ipaddress.IPv4Address) -> bool:
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL_IPV4)


def _is_public_ipv6(ip: ipaddress.IPv6Address) -> bool:
    last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.ipv4_mapped or ip in _NAT64:
        return _is_public_ipv4(last)
    inner = [ip.sixtofour] if ip.sixtofour else []
    if (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        inner.append(last)
    return (
        ip in _GLOBAL_IPV6
        and not any(ip in network for network in _SPECIAL_IPV6)
        and all(map(_is_public_ipv4, inner))
    )
