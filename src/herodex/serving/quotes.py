"""Quotes from public APIs through a cache, with bundled quotes as fallback."""

import asyncio
import hashlib
import json
import logging
import random
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    import herodex.serving.shared_quotes

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 256 * 1024
MAX_QUOTES = 100
MAX_TEXT = 280
MAX_AUTHOR = 80
RETRY_AFTER_S = 30
"""Pause after a failure of an API; it doubles with each further failure."""
LONGEST_RETRY_AFTER_S = 3600

REQUEST_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}
"""No compression, so that the limit on the response holds for its content."""
TEXT_KEYS = ("text", "quote", "q", "content")
AUTHOR_KEYS = ("author", "a")
LIST_KEYS = ("quotes", "results")


class QuoteError(Exception):
    """A quote API did not return quotes."""


@dataclass(frozen=True)
class Quote:
    """Quotation as plain text, never HTML; `id` is a hash of text and author."""

    id: str
    text: str
    author: str


@dataclass(frozen=True)
class QuoteAnswer:
    """Quote and its source: fetched for this request, fetched earlier, or bundled with Herodex."""

    quote: Quote
    source: Literal["upstream", "cache", "bundled"]


def make_quote(text: str, author: str) -> Quote:
    """Create a quote from raw strings without control characters and repeated spaces."""
    text, author = _plain(text), _plain(author)
    digest = hashlib.sha256(f"{text}\n{author}".encode()).hexdigest()
    return Quote(digest[:12], text, author)


def _plain(text: str) -> str:
    visible = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join("".join(visible).split())


def read_quotes(answer: object, host: str) -> list[Quote]:
    """Extract quotes from the response of a quote API.

    Args:
        answer: Parsed JSON: a quote, a list of quotes, or an object that contains such a list.
        host: Host of the API; ZenQuotes gives it as the author of its notices ("Too many requests").

    Returns:
        At most MAX_QUOTES distinct quotes that are short enough for the page.

    Raises:
        QuoteError: The response contains no quote.
    """
    if isinstance(answer, dict):
        fields = cast(dict[str, object], answer)
        answer = next((fields[key] for key in LIST_KEYS if key in fields), [fields])
    items = cast(list[object], answer)[:MAX_QUOTES] if isinstance(answer, list) else []
    quotes = {quote.id: quote for item in items if (quote := _read_quote(item, host))}
    if not quotes:
        raise QuoteError("the answer holds no quote")
    return list(quotes.values())


def _read_quote(item: object, host: str) -> Quote | None:
    if not isinstance(item, dict):
        return None
    fields = cast(dict[str, object], item)
    text = next((fields[key] for key in TEXT_KEYS if key in fields), None)
    author = next((fields[key] for key in AUTHOR_KEYS if key in fields), None)
    if not isinstance(text, str) or not isinstance(author, str):
        return None
    quote = make_quote(text, author)
    fits = 0 < len(quote.text) <= MAX_TEXT and 0 < len(quote.author) <= MAX_AUTHOR
    return quote if fits and quote.author.casefold() != host.casefold() else None


async def fetch_quotes(url: str, timeout_s: float) -> list[Quote]:
    """Fetch quotes from one API without following redirects.

    Args:
        url: Address of the API.
        timeout_s: Longest time for the whole exchange.

    Raises:
        QuoteError: No response in time, a status other than 200, more than MAX_ANSWER_BYTES, or no quotes.
    """
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(timeout_s):
            # Creating a client reads all root certificates, which would block the event loop.
            made = await asyncio.to_thread(httpx.AsyncClient, timeout=timeout_s, follow_redirects=False)
            async with made as client, client.stream("GET", url, headers=REQUEST_HEADERS) as response:
                if response.status_code != 200:
                    raise QuoteError(f"status {response.status_code}")
                body = bytearray()
                async for chunk in response.aiter_raw():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise QuoteError(f"more than {MAX_ANSWER_BYTES} bytes")
        answer = json.loads(body)
    except TimeoutError:
        raise QuoteError(f"no answer within {timeout_s:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise QuoteError(str(error) or type(error).__name__) from None
    # Deeply nested brackets exhaust the parser's stack.
    except (ValueError, RecursionError):
        raise QuoteError("the answer is not JSON") from None
    return read_quotes(answer, host)


def load_bundled_quotes() -> list[Quote]:
    """Load the public-domain quotes that are part of Herodex."""
    text = resources.files("herodex").joinpath("quotes.json").read_text(encoding="utf-8")
    return [make_quote(entry["text"], entry["author"]) for entry in json.loads(text)]


class CircuitBreaker:
    """Pause after failures of an API, doubled with each failure until it answers."""

    def __init__(self, shortest_s: float) -> None:
        self._shortest_s = shortest_s
        self._pause_s = shortest_s
        self.retry_at = float("-inf")
        """Time of the next attempt."""

    def record_failure(self, now: float) -> None:
        """Start a pause."""
        self.retry_at = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_RETRY_AFTER_S)

    def record_success(self) -> None:
        """Reset the pause to its shortest length."""
        self._pause_s = self._shortest_s


class QuoteProxy:
    """Cache of quotes that returns one within `timeout_s`, usually at once.

    One refresh at a time asks the APIs in order, and only if the cached quotes are older than `ttl_s`. It
    skips APIs that failed recently. Requests during a refresh get cached quotes; they wait for the refresh
    only if nothing is cached yet. With `shared` quotes, a refresh asks the APIs only if no other worker or
    replica has done so within `ttl_s`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        timeout_s: float,
        ttl_s: float,
        bundled: Sequence[Quote],
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        shared: "herodex.serving.shared_quotes.SharedQuotes | None" = None,
    ) -> None:
        if len(bundled) < 2:
            raise ValueError("at least two bundled quotes are needed, so that the next one can differ")
        self._apis = {url: CircuitBreaker(min(RETRY_AFTER_S, ttl_s)) for url in urls}
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._bundled = tuple(bundled)
        self._clock = clock
        self._rng = rng or random.Random()
        self._shared = shared
        self._cached: list[Quote] = []
        self._fetched = False
        self._next_refresh = clock()
        self._refreshing: asyncio.Task[None] | None = None

    async def quote(self, other_than: str = "") -> QuoteAnswer:
        """Return a quote whose id is not `other_than`."""
        had_quotes = bool(self._cached)
        if self._apis and not self._refreshing and self._clock() >= self._next_refresh:
            self._refreshing = asyncio.create_task(self._refresh())
        if self._refreshing and not had_quotes:
            await asyncio.wait([self._refreshing], timeout=self._timeout_s)
        if choices := [quote for quote in self._cached if quote.id != other_than]:
            source = "upstream" if self._fetched and not had_quotes else "cache"
            return QuoteAnswer(self._rng.choice(choices), source)
        choices = [quote for quote in self._bundled if quote.id != other_than]
        return QuoteAnswer(self._rng.choice(choices), "bundled")

    async def _refresh(self) -> None:
        try:
            self._next_refresh = await (self._take_turn() if self._shared else self._fetch())
        finally:
            self._refreshing = None

    async def _take_turn(self) -> float:
        """Take the quotes of other workers, or fetch them for all; return the time of the next refresh."""
        assert self._shared
        turn = await self._shared.take_turn(self._timeout_s)
        if turn.fetch:
            self._fetched = False
            next_refresh = await self._fetch()
            quotes = self._cached if self._fetched else []
            await self._shared.end_turn(quotes, next_refresh - self._clock())
            return next_refresh
        if turn.quotes:
            self._cached, self._fetched = turn.quotes, False
        return self._clock() + turn.seconds

    async def _fetch(self) -> float:
        """Ask the APIs in order until one answers; return the time of the next refresh."""
        for url, breaker in self._apis.items():
            if self._clock() < breaker.retry_at:
                continue
            try:
                self._cached = await fetch_quotes(url, self._timeout_s)
            except QuoteError as error:
                breaker.record_failure(self._clock())
                log.warning("no quotes from %s: %s", urlsplit(url).hostname, error)
            else:
                breaker.record_success()
                self._fetched = True
                return self._clock() + self._ttl_s
        return min(breaker.retry_at for breaker in self._apis.values())

    async def close(self) -> None:
        """Cancel a running refresh, and close the connections to Redis."""
        if self._refreshing:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
        if self._shared:
            await self._shared.close()
