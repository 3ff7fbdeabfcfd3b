"""Rate limit per client, counted in each worker or shared through Redis."""

import asyncio
import ipaddress
import logging
import math
import time
from collections import OrderedDict
from importlib.util import find_spec

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from herodex.errors import UserError
from herodex.serving import endpoints
from herodex.serving.client_error import ClientError

log = logging.getLogger(__name__)

MAX_CLIENTS = 10_000
"""Clients counted in memory; above that, the one that was silent longest is forgotten."""
STORAGE_TIMEOUT_S = 0.25
"""Longest wait for Redis before a request passes uncounted."""
STORAGE_RETRY_S = 5
"""Pause after a failure of Redis, so that an outage does not slow every request down."""
OUTAGE_LOG_EVERY_S = 60


def make_limit(per_minute: float, burst: int) -> RateLimitItem:
    """Convert an average rate and a burst to a number of requests per window.

    A window lasts as long as the average rate needs for `burst` requests, rounded up to whole seconds, the
    unit of the `limits` library. The number of requests follows from the rate, so it is at least `burst`.
    """
    seconds = max(1, math.ceil(60 * burst / per_minute))
    return RateLimitItemPerSecond(max(1, round(seconds * per_minute / 60)), seconds)


def create_storage(uri: str) -> MemoryStorage | RedisStorage:
    """Create the counters' storage: this worker's memory if `uri` is empty, else Redis.

    Raises:
        UserError: The address is malformed or the Redis client is not installed.
    """
    if not uri:
        return MemoryStorage()
    try:
        return RedisStorage(uri, wrap_exceptions=True, implementation="redispy", key_prefix="herodex")
    except ConfigurationError:
        if find_spec("redis") is None:
            problem, hint = "needs the package redis", "Install the extra `redis` of herodex"
        else:
            problem, hint = "is not a Redis address", "Write it like redis://host:6379/0"
        raise UserError(f"serve.limit_storage {problem}.", f"{hint}, or leave the setting empty.") from None


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
        self._retry_at = 0.0
        self._log_at = 0.0

    async def count(self, client: str) -> int:
        """Count a request; return 0 if it is allowed, else the seconds until the next one is."""
        if time.monotonic() < self._retry_at:
            return 0
        try:
            async with asyncio.timeout(STORAGE_TIMEOUT_S):
                wait = await self._hit(client)
                await self._forget_silent_clients(client)
        except (StorageError, TimeoutError) as error:
            self._note_outage(error)
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

    def _note_outage(self, error: Exception) -> None:
        now = time.monotonic()
        self._retry_at = now + STORAGE_RETRY_S
        if now >= self._log_at:
            self._log_at = now + OUTAGE_LOG_EVERY_S
            reason = str(error) or f"no answer within {STORAGE_TIMEOUT_S:g} s"
            log.warning("rate limit storage is down, requests pass uncounted: %s", reason)


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
    """

    def __init__(
        self, app: ASGIApp, per_minute: float, burst: int, client_header: str, storage: str = ""
    ) -> None:
        self._app = app
        self._limiter = RateLimiter(make_limit(per_minute, burst), storage) if per_minute else None
        self._client_header = client_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its client is within the limit."""
        if self._limiter and scope["type"] == "http" and scope["path"].startswith(endpoints.API):
            wait = await self._limiter.count(client_of(scope, self._client_header))
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
