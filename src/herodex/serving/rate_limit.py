"""Rate limit per client, counted in each worker or shared through Redis."""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from herodex.serving import endpoints
from herodex.serving.client_error import ClientError
from herodex.serving.shared_storage import STORAGE_TIMEOUT_S, Outage, create_storage

MAX_CLIENTS = 10_000
"""Clients counted in memory; above that, the one that was silent longest is forgotten."""


def make_limit(per_minute: float, burst: int) -> RateLimitItem:
    """Convert an average rate and a burst to a number of requests per window.

    A window lasts as long as the average rate needs for `burst` requests, rounded up to whole seconds, the
    unit of the `limits` library. The number of requests follows from the rate, so it is at least `burst`.
    """
    seconds = max(1, math.ceil(60 * burst / per_minute))
    return RateLimitItemPerSecond(max(1, round(seconds * per_minute / 60)), seconds)


class RateLimiter:
    """Sliding-window rate limiter that allows everything while its storage is down.

    Args:
        limit: Requests per window.
        storage_uri: Address of a Redis database that workers and replicas share; empty: this worker's memory.
        max_clients: Clients counted in memory. In Redis, counters expire after two windows.
    """

    def __init__(self, limit: RateLimitItem, storage_uri: str = "", max_clients: int = MAX_CLIENTS) -> None:
        self._limit = limit
        self._strategy = SlidingWindowCounterRateLimiter(create_storage(storage_uri))
        self._max_clients = math.inf if storage_uri else max_clients
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._outage = Outage("rate limit storage is down, requests pass uncounted")

    async def count(self, client: str) -> int:
        """Count a request; return 0 if it is allowed, else the seconds until the next one is."""
        if self._outage.is_on():
            return 0
        try:
            async with asyncio.timeout(STORAGE_TIMEOUT_S):
                wait = await self._hit(client)
                await self._forget_silent_clients(client)
        except (StorageError, TimeoutError) as error:
            self._outage.note(error)
            return 0
        return wait

    async def _hit(self, client: str) -> int:
        if await self._strategy.hit(self._limit, client):
            return 0
        window = await self._strategy.get_window_stats(self._limit, client)
        return max(1, math.ceil(window.reset_time - time.time()))

    async def _forget_silent_clients(self, client: str) -> None:
        if math.isinf(self._max_clients):
            return
        self._recent[client] = None
        self._recent.move_to_end(client)
        if len(self._recent) > self._max_clients:
            silent, _ = self._recent.popitem(last=False)
            await self._strategy.clear(self._limit, silent)


def client_of(scope: Scope, header: str) -> str:
    """Return the client of a request: an IPv4 address, or an IPv6 /64 network (one customer).

    Args:
        scope: The request.
        header: Header in which a proxy writes the client's address. The last address in all lines of this
            header counts, because a client may send lines of its own, which the proxy leaves in front.
            Empty: the address that the connection comes from.
    """
    connected = scope["client"][0] if scope.get("client") else ""
    lines = Headers(scope=scope).getlist(header) if header else []
    forwarded = ",".join(lines).rpartition(",")[2].strip()
    for address in (forwarded, connected):
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            continue
        if parsed.version == 6:
            parsed = parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False)
        return str(parsed)
    return connected


class RateLimit:
    """ASGI middleware that returns 429 to clients over the rate limit of the API.

    Args:
        app: The next application.
        per_minute: Requests per minute and client, on average; 0: no limit.
        burst: Requests of one client at once.
        client_header: Header in which a proxy writes the client's address; empty: the connection's address.
        storage: Redis address shared by workers and replicas; empty: each worker counts for itself.
        path: Beginning of the paths that are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        per_minute: float,
        burst: int,
        client_header: str,
        storage: str = "",
        path: str = endpoints.API,
    ) -> None:
        self._app = app
        self._limiter = RateLimiter(make_limit(per_minute, burst), storage) if per_minute else None
        self._client_header = client_header
        self._path = path
        # Each limit has its own counters in a shared storage.
        self._prefix = "" if path == endpoints.API else f"{path} "

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its client is within the limit."""
        if self._limiter and scope["type"] == "http" and scope["path"].startswith(self._path):
            wait = await self._limiter.count(self._prefix + client_of(scope, self._client_header))
            if wait:
                error = ClientError(
                    429,
                    "rate",
                    "Too many requests from this client.",
                    f"Wait {wait} s, then send requests more slowly.",
                    {"retry-after": str(wait)},
                )
                await error.answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
