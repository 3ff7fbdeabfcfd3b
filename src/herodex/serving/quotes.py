"""Quotes from public APIs by way of a cache, with bundled ones for when no API answers."""

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
from typing import Literal
from urllib.parse import urlsplit

import httpx

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 256 * 1024
MAX_QUOTES = 100
MAX_TEXT = 280
MAX_AUTHOR = 80
RETRY_AFTER_S = 30
"""How long an API is left alone after it failed; after each further failure, twice as long as before."""
LONGEST_RETRY_AFTER_S = 3600

REQUEST_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}
"""Nothing compressed, so that the cap on the answer counts what it would unpack to."""
TEXT_KEYS = ("text", "quote", "q", "content")
AUTHOR_KEYS = ("author", "a")
LIST_KEYS = ("quotes", "results")


class QuoteError(Exception):
    """A quote API did not answer, or not with quotes."""


@dataclass(frozen=True)
class Quote:
    """A quotation as plain text, never HTML; `id` is derived from text and author."""

    id: str
    text: str
    author: str


@dataclass(frozen=True)
class QuoteAnswer:
    """A quote, and whether it was fetched for this very request, earlier, or came with Herodex."""

    quote: Quote
    source: Literal["upstream", "cache", "bundled"]


def make_quote(text: str, author: str) -> Quote:
    """Build a quote from raw strings: control characters go, runs of spaces become one."""
    text, author = _plain(text), _plain(author)
    digest = hashlib.sha256(f"{text}\n{author}".encode()).hexdigest()
    return Quote(digest[:12], text, author)


def _plain(text: str) -> str:
    visible = (" " if unicodedata.category(char)[0] in "CZ" else char for char in text)
    return " ".join("".join(visible).split())


def read_quotes(answer: object, host: str) -> list[Quote]:
    """Pick the quotes out of a quote API's answer, whatever of the common forms it has.

    Args:
        answer: parsed JSON: a quote, a list of quotes, or an object that holds such a list.
        host: the API's host; ZenQuotes signs its notices ("Too many requests") with it.

    Returns:
        at most MAX_QUOTES distinct quotes that are short enough for the page.

    Raises:
        QuoteError: there is not one.
    """
    if isinstance(answer, dict):
        answer = next((answer[key] for key in LIST_KEYS if key in answer), [answer])
    items = answer[:MAX_QUOTES] if isinstance(answer, list) else []
    quotes = {quote.id: quote for item in items if (quote := _read_quote(item, host))}
    if not quotes:
        raise QuoteError("the answer holds no quote")
    return list(quotes.values())


def _read_quote(item: object, host: str) -> Quote | None:
    if not isinstance(item, dict):
        return None
    text = next((item[key] for key in TEXT_KEYS if key in item), None)
    author = next((item[key] for key in AUTHOR_KEYS if key in item), None)
    if not isinstance(text, str) or not isinstance(author, str):
        return None
    quote = make_quote(text, author)
    fits = 0 < len(quote.text) <= MAX_TEXT and 0 < len(quote.author) <= MAX_AUTHOR
    return quote if fits and quote.author.casefold() != host else None


async def fetch_quotes(url: str, timeout_s: float) -> list[Quote]:
    """Ask one quote API. Redirects are not followed; the answer is cut off at MAX_ANSWER_BYTES.

    Args:
        url: the API's fixed address.
        timeout_s: patience with the whole exchange.

    Raises:
        QuoteError: no answer in time, another status than 200, too much of it, or no quotes in it.
    """
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(timeout_s):
            # In a thread, because a client reads all root certificates first.
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
    # A nest of brackets makes the parser run out of stack.
    except (ValueError, RecursionError):
        raise QuoteError("the answer is not JSON") from None
    return read_quotes(answer, host)


def load_bundled_quotes() -> list[Quote]:
    """Read the public-domain quotes that come with Herodex."""
    text = resources.files("herodex").joinpath("quotes.json").read_text(encoding="utf-8")
    return [make_quote(entry["text"], entry["author"]) for entry in json.loads(text)]


class CircuitBreaker:
    """Keeps an API that fails from being asked: longer after each failure, until it answers once."""

    def __init__(self, shortest_s: float) -> None:
        self._shortest_s = shortest_s
        self._failures = 0
        self.closed_at = float("-inf")
        """The moment from which it may be asked."""

    def note_failure(self, now: float) -> None:
        """Leave the API alone for a while."""
        self.closed_at = now + min(self._shortest_s * 2**self._failures, LONGEST_RETRY_AFTER_S)
        self._failures += 1

    def note_answer(self) -> None:
        """Trust the API again."""
        self._failures = 0


class QuoteProxy:
    """Answers with a quote at once if it can, and within `timeout_s` in any case.

    The APIs are asked in order, by one refresh at a time, and only when what they gave last is older
    than `ttl_s`; one that failed is passed over for a while. While a refresh runs, requests get the old
    quotes; only if there are none yet do they wait for it.
    """

    def __init__(
        self,
        urls: Sequence[str],
        timeout_s: float,
        ttl_s: float,
        bundled: Sequence[Quote],
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        if len(bundled) < 2:
            raise ValueError("with fewer than two bundled quotes a new one cannot differ from the last")
        self._apis = {url: CircuitBreaker(min(RETRY_AFTER_S, ttl_s)) for url in urls}
        self._timeout_s = timeout_s
        self._ttl_s = ttl_s
        self._bundled = tuple(bundled)
        self._clock = clock
        self._rng = rng or random.Random()
        self._cached: list[Quote] = []
        self._next_refresh = clock()
        self._refreshing: asyncio.Task[None] | None = None

    async def quote(self, other_than: str = "") -> QuoteAnswer:
        """Give a quote whose id is not `other_than`."""
        had_quotes = bool(self._cached)
        if self._apis and not self._refreshing and self._clock() >= self._next_refresh:
            self._refreshing = asyncio.create_task(self._refresh())
        if self._refreshing and not had_quotes:
            await asyncio.wait([self._refreshing], timeout=self._timeout_s)
        if choices := [quote for quote in self._cached if quote.id != other_than]:
            return QuoteAnswer(self._rng.choice(choices), "cache" if had_quotes else "upstream")
        choices = [quote for quote in self._bundled if quote.id != other_than]
        return QuoteAnswer(self._rng.choice(choices), "bundled")

    async def _refresh(self) -> None:
        try:
            self._next_refresh = await self._ask_in_order()
        finally:
            self._refreshing = None

    async def _ask_in_order(self) -> float:
        """Ask until one answers; gives the moment for the next refresh."""
        for url, breaker in self._apis.items():
            if self._clock() < breaker.closed_at:
                continue
            try:
                self._cached = await fetch_quotes(url, self._timeout_s)
            except QuoteError as error:
                breaker.note_failure(self._clock())
                log.warning("no quotes from %s: %s", urlsplit(url).hostname, error)
            else:
                breaker.note_answer()
                return self._clock() + self._ttl_s
        return min(breaker.closed_at for breaker in self._apis.values())

    async def close(self) -> None:
        """Stop a refresh that is under way."""
        if self._refreshing:
            self._refreshing.cancel()
            await asyncio.wait([self._refreshing])
