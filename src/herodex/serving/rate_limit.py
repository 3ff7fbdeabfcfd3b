"""Lets each client ask only so often: a token bucket for each."""

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from herodex.serving import endpoints
from herodex.serving.client_error import ClientError

MAX_CLIENTS = 10_000
"""Buckets kept; beyond that, the client that was silent longest is forgotten, which fills its bucket."""


class TokenBuckets:
    """A bucket for each client, which holds `burst` tokens and gains `per_minute` of them."""

    def __init__(
        self,
        per_minute: float,
        burst: int,
        max_clients: int = MAX_CLIENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_minute / 60
        self._burst = burst
        self._max_clients = max_clients
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; gives 0, or the seconds until there is one again."""
        now = self._clock()
        tokens, filled_at = self._buckets.pop(client, (self._burst, now))
        tokens = min(self._burst, tokens + (now - filled_at) * self._per_second)
        granted = tokens >= 1
        self._buckets[client] = (tokens - granted, now)
        if len(self._buckets) > self._max_clients:
            self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - tokens) / self._per_second


def client_of(scope: Scope, header: str) -> str:
    """Who sends a request: an IPv4 address, or the /64 network that one IPv6 customer has.

    Args:
        scope: the request.
        header: where a proxy writes the client's address, of several the last; empty: the connection tells.
    """
    connected = scope["client"][0] if scope.get("client") else ""
    written = Headers(scope=scope).get(header, "").rpartition(",")[2].strip() if header else ""
    for address in (written, connected):
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            continue
        if parsed.version == 6:
            parsed = parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), 64), strict=False)
        return str(parsed)
    return connected


class RateLimit:
    """ASGI middleware that answers 429 to whom asks the API too often.

    Args:
        app: what comes behind it.
        per_minute: requests of one client on average; 0: as many as it likes.
        burst: requests of one client at once.
        client_header: where a proxy writes the client's address; empty: the connection tells.
    """

    def __init__(self, app: ASGIApp, per_minute: float, burst: int, client_header: str) -> None:
        self._app = app
        self._buckets = TokenBuckets(per_minute, burst) if per_minute else None
        self._client_header = client_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what a client has a token for."""
        if self._buckets and scope["type"] == "http" and scope["path"].startswith(endpoints.API):
            wait = math.ceil(self._buckets.take(client_of(scope, self._client_header)))
            if wait:
                error = ClientError(
                    429,
                    "rate",
                    "That is more requests than one client may send.",
                    f"Wait {wait} s, then send them more slowly.",
                    {"retry-after": str(wait)},
                )
                await error.answer(scope, receive, send)
                return
        await self._app(scope, receive, send)
