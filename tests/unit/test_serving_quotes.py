import asyncio
import json
import random
from collections.abc import Awaitable, Callable

import pytest
from quote_api import QUOTES, QuoteApi, running_quote_api

from herodex.serving.quotes import (
    LONGEST_RETRY_AFTER_S,
    MAX_ANSWER_BYTES,
    RETRY_AFTER_S,
    CircuitBreaker,
    Quote,
    QuoteAnswer,
    QuoteError,
    QuoteProxy,
    fetch_quotes,
    load_bundled_quotes,
    make_quote,
    read_quotes,
)

BUNDLED = [make_quote("Bundled one.", "Nobody"), make_quote("Bundled two.", "Nobody")]
UPSTREAM = {make_quote(entry["q"], entry["a"]) for entry in QUOTES}
# Nothing listens on the discard port.
DOWN = "http://127.0.0.1:9/"


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked(
    urls: list[str],
    conversation: Callable[[QuoteProxy], Awaitable[None]],
    clock: Clock | None = None,
    timeout_s: float = 10,
) -> None:
    """Run a conversation with a new proxy, then close it."""

    async def run() -> None:
        proxy = QuoteProxy(urls, timeout_s, 60, BUNDLED, clock or Clock(), random.Random(1))
        await conversation(proxy)
        await proxy.close()

    asyncio.run(run())


async def refreshed(proxy: QuoteProxy) -> None:
    """Wait until no refresh is running."""
    while proxy._refreshing:
        await asyncio.wait([proxy._refreshing])


def test_first_quote_is_fetched_and_later_ones_are_cached(quote_api: QuoteApi) -> None:
    async def conversation(proxy: QuoteProxy) -> None:
        first = await proxy.quote()
        assert (first.source, first.quote in UPSTREAM) == ("upstream", True)
        second = await proxy.quote(other_than=first.quote.id)
        assert (second.source, second.quote in UPSTREAM) == ("cache", True)

    asked([quote_api.url], conversation)
    assert quote_api.asked == 1


def test_next_quote_differs_from_the_one_shown(quote_api: QuoteApi) -> None:
    async def conversation(proxy: QuoteProxy) -> None:
        shown = (await proxy.quote()).quote.id
        for _ in range(50):
            answer = await proxy.quote(other_than=shown)
            assert answer.quote.id != shown
            shown = answer.quote.id

    asked([quote_api.url], conversation)
    asked([DOWN], conversation)


def test_bundled_quote_follows_the_only_quote_of_an_api(quote_api: QuoteApi) -> None:
    quote_api.body = json.dumps({"quote": "Only this.", "author": "One"}).encode()

    async def conversation(proxy: QuoteProxy) -> None:
        first = await proxy.quote()
        assert first == QuoteAnswer(make_quote("Only this.", "One"), "upstream")
        assert (await proxy.quote(other_than=first.quote.id)).source == "bundled"

    asked([quote_api.url], conversation)


def test_next_api_is_asked_when_the_first_is_down(quote_api: QuoteApi) -> None:
    async def conversation(proxy: QuoteProxy) -> None:
        assert (await proxy.quote()).quote in UPSTREAM

    asked([DOWN, quote_api.url], conversation)


def test_bundled_quotes_are_served_and_apis_rest_when_all_are_down(
    quote_api: QuoteApi,
) -> None:
    quote_api.status = 500
    clock = Clock()

    async def conversation(proxy: QuoteProxy) -> None:
        for _ in range(3):
            answer = await proxy.quote()
            assert (answer.source, answer.quote in BUNDLED) == ("bundled", True)
        assert quote_api.asked == 1
        clock.now += RETRY_AFTER_S
        quote_api.status = 200
        assert (await proxy.quote()).source == "upstream"

    asked([quote_api.url], conversation, clock)


def test_pause_doubles_with_each_failure_until_the_api_answers(quote_api: QuoteApi) -> None:
    clock = Clock()

    async def ask_after(proxy: QuoteProxy, seconds: float) -> int:
        clock.now += seconds
        before = quote_api.asked
        await proxy.quote()
        await refreshed(proxy)
        return quote_api.asked - before

    async def conversation(proxy: QuoteProxy) -> None:
        quote_api.status = 500
        assert await ask_after(proxy, 0) == 1
        waited = [RETRY_AFTER_S, 2 * RETRY_AFTER_S, 4 * RETRY_AFTER_S]
        for seconds in waited:
            assert await ask_after(proxy, seconds - 1) == 0
            assert await ask_after(proxy, 1) == 1
        quote_api.status = 200
        assert await ask_after(proxy, LONGEST_RETRY_AFTER_S) == 1
        quote_api.status = 500
        assert await ask_after(proxy, 61) == 1
        assert await ask_after(proxy, RETRY_AFTER_S) == 1

    asked([quote_api.url], conversation, clock)


def test_pause_stays_at_its_limit_after_thousands_of_failures() -> None:
    breaker = CircuitBreaker(0.5)
    for _ in range(5000):
        breaker.record_failure(now=100.0)
    assert breaker.retry_at == 100 + LONGEST_RETRY_AFTER_S
    breaker.record_success()
    breaker.record_failure(now=100.0)
    assert breaker.retry_at == 100.5


def test_failed_api_is_skipped_while_the_next_one_answers(quote_api: QuoteApi) -> None:
    clock = Clock()

    async def conversation(proxy: QuoteProxy) -> None:
        for _ in range(6):
            await proxy.quote()
            await refreshed(proxy)
            clock.now += 61

    with running_quote_api() as broken:
        broken.status = 500
        asked([broken.url, quote_api.url], conversation, clock)
        # Asked at 0, 61 and 122 s, then skipped for 120 s.
        assert (broken.asked, quote_api.asked) == (4, 6)


def test_cached_quotes_are_served_during_a_refresh(quote_api: QuoteApi) -> None:
    clock = Clock()

    async def conversation(proxy: QuoteProxy) -> None:
        await proxy.quote()
        clock.now += 61
        quote_api.body = json.dumps([{"q": "Fresh.", "a": "New"}]).encode()
        stale = await proxy.quote()
        assert (stale.source, stale.quote in UPSTREAM) == ("cache", True)
        await refreshed(proxy)
        assert (await proxy.quote()).quote == make_quote("Fresh.", "New")

    asked([quote_api.url], conversation, clock)


def test_cached_quotes_are_served_after_the_api_fails(quote_api: QuoteApi) -> None:
    clock = Clock()

    async def conversation(proxy: QuoteProxy) -> None:
        await proxy.quote()
        clock.now += 61
        quote_api.status = 503
        await proxy.quote()
        await refreshed(proxy)
        assert (await proxy.quote()).source == "cache"

    asked([quote_api.url], conversation, clock)


def test_slow_api_is_asked_once_and_requests_wait_no_longer_than_the_timeout(quote_api: QuoteApi) -> None:
    quote_api.slow = True

    async def conversation(proxy: QuoteProxy) -> None:
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(proxy.quote() for _ in range(5)))
        assert {answer.source for answer in answers} == {"bundled"}

    asked([quote_api.url], conversation, timeout_s=0.5)
    assert quote_api.asked <= 1


def test_proxy_without_apis_returns_bundled_quotes() -> None:
    async def conversation(proxy: QuoteProxy) -> None:
        assert (await proxy.quote()).source == "bundled"

    asked([], conversation)


@pytest.mark.parametrize(
    ("status", "headers", "body", "reason"),
    [
        pytest.param(302, {"location": "/elsewhere"}, b"", "status 302", id="a redirect"),
        pytest.param(429, {}, b"[]", "status 429", id="a refusal"),
        pytest.param(200, {}, b"<html>hello</html>", "not JSON", id="HTML"),
        pytest.param(200, {}, b"\xff\xfe\x00", "not JSON", id="bytes that are no text"),
        pytest.param(200, {}, b"[" * 200_000, "not JSON", id="a deep nest"),
        pytest.param(200, {}, b"[]", "no quote", id="an empty list"),
        pytest.param(200, {}, b'{"quotes": {"a": 1}}', "no quote", id="an object where a list belongs"),
        pytest.param(200, {}, b'[{"q": 1, "a": null}, 7, "x"]', "no quote", id="fields of other types"),
        pytest.param(200, {}, b" " * (MAX_ANSWER_BYTES + 1), "more than", id="an endless answer"),
        pytest.param(200, {"content-encoding": "gzip"}, b"\x1f\x8b", "not JSON", id="compressed, unasked"),
    ],
)
def test_response_without_quotes_is_refused(
    quote_api: QuoteApi, status: int, headers: dict[str, str], body: bytes, reason: str
) -> None:
    quote_api.status, quote_api.headers, quote_api.body = status, headers, body
    with pytest.raises(QuoteError, match=reason):
        asyncio.run(fetch_quotes(quote_api.url, timeout_s=5))
    assert quote_api.asked == 1


def test_slow_response_is_abandoned(quote_api: QuoteApi) -> None:
    quote_api.slow = True
    with pytest.raises(QuoteError, match=r"no answer within 0\.3 s"):
        asyncio.run(fetch_quotes(quote_api.url, timeout_s=0.3))


@pytest.mark.parametrize(
    "answer",
    [
        {"quote": "Be.", "author": "A"},
        {"content": "Be.", "author": "A"},
        [{"q": "Be.", "a": "A", "h": "<blockquote>Be.</blockquote>"}],
        {"quotes": [{"id": 1, "quote": "Be.", "author": "A"}], "total": 1},
        {"results": [{"content": "Be.", "author": "A"}, {"content": "Be.", "author": "A"}]},
    ],
)
def test_common_response_formats_are_read(answer: object) -> None:
    assert read_quotes(answer, "example.org") == [make_quote("Be.", "A")]


@pytest.mark.parametrize("host", ["zenquotes.io", "ZenQuotes.io"])
def test_notice_of_the_api_is_not_a_quote(host: str) -> None:
    notice = {"q": "Too many requests.", "a": "zenquotes.io"}
    with pytest.raises(QuoteError):
        read_quotes([notice], host)


def test_content_type_of_the_api_does_not_matter(quote_api: QuoteApi) -> None:
    quote_api.headers = {"Content-Type": "APPLICATION/JSON; Charset=UTF-8"}
    assert set(asyncio.run(fetch_quotes(quote_api.url, timeout_s=5))) == UPSTREAM


def test_quotes_too_long_for_the_page_are_omitted() -> None:
    long = {"q": "x" * 281, "a": "A"}
    assert read_quotes([long, {"q": "Short.", "a": "B"}], "h") == [make_quote("Short.", "B")]


def test_control_characters_and_repeated_spaces_are_removed_and_markup_stays_text() -> None:
    quote = make_quote("  <b>To\u0000 be</b>\r\n\u202eor  not ", "\tA  B ")
    assert (quote.text, quote.author) == ("<b>To be</b> or not", "A B")


def test_bundled_quotes_are_many_short_and_distinct() -> None:
    quotes = load_bundled_quotes()
    assert len(quotes) >= 40
    assert len({quote.id for quote in quotes}) == len(quotes)
    assert all(0 < len(quote.text) <= 160 and quote.author for quote in quotes)


def test_quote_id_is_the_same_in_every_process() -> None:
    assert make_quote("Be.", "A") == Quote("de96887bf6bb", "Be.", "A")
