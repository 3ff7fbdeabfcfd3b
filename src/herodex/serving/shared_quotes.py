"""Quotes that workers and replicas share through Redis, so that only one of them asks the APIs."""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from herodex.serving.quotes import Quote, QuoteError, read_quotes
from herodex.serving.shared_storage import STORAGE_TIMEOUT_S, Outage, create_storage

T = TypeVar("T")

POLL_S = 0.05
"""Pause between two looks for the quotes that another worker fetches."""
FETCHING, PAUSED = b"fetching", b"paused"
"""Values of the lock: a worker asks the APIs, or all of them have failed."""


@dataclass(frozen=True)
class Turn:
    """Result of a look for shared quotes.

    Attributes:
        quotes: Shared quotes; empty if there are none.
        fetch: Whether this worker asks the APIs; it then ends its turn.
        seconds: Until the next look.
    """

    quotes: list[Quote]
    fetch: bool
    seconds: float


class SharedQuotes:
    """Quotes in Redis with their time to live, and a lock for the worker that fetches them.

    While Redis is down, every worker fetches quotes for itself.

    Args:
        storage_uri: Address of the Redis database.
        urls: Quote APIs; services with other APIs do not share quotes.
        timeout_s: Longest time for an API, from which the lock's time to live follows.
    """

    def __init__(self, storage_uri: str, urls: Sequence[str], timeout_s: float) -> None:
        storage: Any = create_storage(storage_uri)
        self._redis = storage.bridge.get_connection()
        self._failures = (storage.bridge.dependency.RedisError, OSError, TimeoutError)
        self._quotes = f"herodex:quotes:{hashlib.sha256(json.dumps(list(urls)).encode()).hexdigest()[:12]}"
        self._lock = f"{self._quotes}:lock"
        # If a worker dies while it fetches, another one fetches after the longest turn.
        self._lock_ms = milliseconds(len(urls) * timeout_s + 4 * STORAGE_TIMEOUT_S)
        self._outage = Outage("quote storage is down, each worker fetches quotes for itself")

    async def take_turn(self, wait_s: float) -> Turn:
        """Return shared quotes or the turn to fetch them, or neither if another worker takes too long.

        Args:
            wait_s: Longest wait while another worker fetches quotes.
        """
        deadline = time.monotonic() + wait_s
        alone = Turn([], fetch=True, seconds=0)
        while (turn := await self._unless_down(self._look, alone)) is None:
            if time.monotonic() >= deadline:
                return Turn([], fetch=False, seconds=POLL_S)
            await asyncio.sleep(POLL_S)
        return turn

    async def end_turn(self, quotes: Sequence[Quote], seconds: float) -> None:
        """Publish fetched quotes for some seconds; without quotes, let no worker ask the APIs meanwhile."""
        await self._unless_down(partial(self._publish, quotes, milliseconds(seconds)), None)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _unless_down(self, command: Callable[[], Awaitable[T]], otherwise: T) -> T:
        if self._outage.is_on():
            return otherwise
        try:
            async with asyncio.timeout(STORAGE_TIMEOUT_S):
                return await command()
        except self._failures as error:
            self._outage.note(error)
            return otherwise

    async def _look(self) -> Turn | None:
        """Return None while another worker fetches quotes."""
        if found := await self._read():
            return found
        if await self._redis.set(self._lock, FETCHING, nx=True, px=self._lock_ms):
            # Another worker may have published its quotes between both commands.
            if found := await self._read():
                await self._redis.delete(self._lock)
            return found or Turn([], fetch=True, seconds=0)
        if await self._redis.get(self._lock) == PAUSED:
            return Turn([], fetch=False, seconds=max(0, await self._redis.pttl(self._lock)) / 1000)
        return None

    async def _read(self) -> Turn | None:
        stored = await self._redis.get(self._quotes)
        if stored is None:
            return None
        seconds = max(0, await self._redis.pttl(self._quotes)) / 1000
        try:
            return Turn(read_quotes(json.loads(stored), host=""), fetch=False, seconds=seconds)
        except (ValueError, QuoteError):
            return None

    async def _publish(self, quotes: Sequence[Quote], ttl_ms: int) -> None:
        if not quotes:
            await self._redis.set(self._lock, PAUSED, px=ttl_ms)
            return
        stored = json.dumps([{"text": quote.text, "author": quote.author} for quote in quotes])
        await self._redis.set(self._quotes, stored, px=ttl_ms)
        await self._redis.delete(self._lock)


def milliseconds(seconds: float) -> int:
    """Convert seconds to a time to live in Redis, which is at least one millisecond."""
    return max(1, round(1000 * seconds))


def share_quotes(storage_uri: str, urls: Sequence[str], timeout_s: float) -> SharedQuotes | None:
    """Create shared quotes if there is a Redis database and an API."""
    return SharedQuotes(storage_uri, urls, timeout_s) if storage_uri and urls else None
