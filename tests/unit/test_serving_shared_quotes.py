"""Workers and replicas that share quotes through a real Redis server."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Generator

import pytest
from quote_api import QUOTES, QuoteApi
from redis import Redis
from redis_server import running_redis

from herodex.serving.quotes import RETRY_AFTER_S, QuoteAnswer, QuoteProxy, make_quote
from herodex.serving.shared_quotes import SharedQuotes

BUNDLED = [make_quote("Bundled one.", "Nobody"), make_quote("Bundled two.", "Nobody")]
UPSTREAM = {make_quote(entry["q"], entry["a"]) for entry in QUOTES}
# Nothing listens on the discard port.
REDIS_DOWN = "redis://127.0.0.1:9/0"
TIMEOUT_S, TTL_S = 5, 60


class Clock:
    """The clock of all workers, which a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as uri:
        yield uri


@pytest.fixture
def redis_uri(redis_server: str) -> str:
    """The address of an empty database."""
    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return redis_server


def converse(
    redis_uri: str,
    url: str,
    conversation: Callable[[list[QuoteProxy]], Awaitable[None]],
    clock: Clock | None = None,
) -> None:
    """Run a conversation with four workers, then close them."""

    async def run() -> None:
        proxies = [
            QuoteProxy(
                [url],
                TIMEOUT_S,
                TTL_S,
                BUNDLED,
                clock or Clock(),
                random.Random(1),
                SharedQuotes(redis_uri, [url], TIMEOUT_S),
            )
            for _ in range(4)
        ]
        await conversation(proxies)
        for proxy in proxies:
            await proxy.close()

    asyncio.run(run())


async def ask_all(proxies: list[QuoteProxy]) -> list[QuoteAnswer]:
    """Ask all workers at once."""
    return await asyncio.gather(*(proxy.quote() for proxy in proxies))


async def refreshed(proxies: list[QuoteProxy]) -> None:
    """Wait until no worker refreshes its quotes."""
    while running := [proxy._refreshing for proxy in proxies if proxy._refreshing]:
        await asyncio.wait(running)


def expire(redis_uri: str) -> None:
    """Let the shared quotes expire, after a check of their time to live."""
    with Redis.from_url(redis_uri) as redis:
        (key,) = redis.keys("herodex:quotes:*")  # pyright: ignore[reportGeneralTypeIssues]
        assert 0 < redis.pttl(key) <= TTL_S * 1000  # pyright: ignore[reportOperatorIssue]
        redis.delete(key)


def test_one_of_all_workers_fetches_quotes_once_per_time_to_live(redis_uri: str, quote_api: QuoteApi) -> None:
    clock = Clock()

    async def conversation(proxies: list[QuoteProxy]) -> None:
        first = await ask_all(proxies)
        assert sorted(answer.source for answer in first) == ["cache", "cache", "cache", "upstream"]
        assert all(answer.quote in UPSTREAM for answer in first)
        assert quote_api.asked == 1
        expire(redis_uri)
        clock.now += TTL_S
        quote_api.body = json.dumps([{"q": "Fresh.", "a": "New"}]).encode()
        await ask_all(proxies)
        await refreshed(proxies)
        assert {answer.quote.text for answer in await ask_all(proxies)} == {"Fresh."}
        assert quote_api.asked == 2

    converse(redis_uri, quote_api.url, conversation, clock)


def test_worker_that_starts_later_takes_the_shared_quotes(redis_uri: str, quote_api: QuoteApi) -> None:
    async def conversation(proxies: list[QuoteProxy]) -> None:
        await proxies[0].quote()
        later = await proxies[1].quote()
        assert (later.source, later.quote in UPSTREAM) == ("cache", True)

    converse(redis_uri, quote_api.url, conversation)
    assert quote_api.asked == 1


def test_failed_api_rests_for_all_workers(redis_uri: str, quote_api: QuoteApi) -> None:
    quote_api.status = 500

    async def conversation(proxies: list[QuoteProxy]) -> None:
        for _ in range(3):
            assert {answer.source for answer in await ask_all(proxies)} == {"bundled"}
        with Redis.from_url(redis_uri) as redis:
            (lock,) = redis.keys("herodex:quotes:*:lock")  # pyright: ignore[reportGeneralTypeIssues]
            assert 0 < redis.pttl(lock) <= RETRY_AFTER_S * 1000  # pyright: ignore[reportOperatorIssue]

    converse(redis_uri, quote_api.url, conversation)
    assert quote_api.asked == 1


def test_workers_fetch_for_themselves_while_redis_is_down(quote_api: QuoteApi, outages: list[str]) -> None:
    async def conversation(proxies: list[QuoteProxy]) -> None:
        assert {answer.source for answer in await ask_all(proxies)} == {"upstream"}

    converse(REDIS_DOWN, quote_api.url, conversation)
    assert quote_api.asked == 4
    assert ["quote storage is down" in line for line in outages] == [True] * 4


def test_another_worker_fetches_after_one_has_died_in_its_turn(redis_uri: str, quote_api: QuoteApi) -> None:
    async def conversation(proxies: list[QuoteProxy]) -> None:
        dead = SharedQuotes(redis_uri, [quote_api.url], timeout_s=0.2)
        assert (await dead.take_turn(0)).fetch
        await dead.close()
        started = time.monotonic()
        assert (await proxies[0].quote()).source == "upstream"
        # The lock of one API with a timeout of 0.2 s, and a second for Redis.
        assert time.monotonic() - started > 1

    converse(redis_uri, quote_api.url, conversation)


@pytest.mark.parametrize("stored", [b"\xff", b"[]", b'{"q": 1}'])
def test_damaged_shared_quotes_are_fetched_again(redis_uri: str, quote_api: QuoteApi, stored: bytes) -> None:
    async def conversation(proxies: list[QuoteProxy]) -> None:
        await proxies[0].quote()
        with Redis.from_url(redis_uri) as redis:
            (key,) = redis.keys("herodex:quotes:*")  # pyright: ignore[reportGeneralTypeIssues]
            redis.set(key, stored)
        assert (await proxies[1].quote()).source == "upstream"

    converse(redis_uri, quote_api.url, conversation)
    assert quote_api.asked == 2


def test_services_with_other_apis_do_not_share_quotes(redis_uri: str, quote_api: QuoteApi) -> None:
    async def run() -> list[bool]:
        shared = [SharedQuotes(redis_uri, urls, 1) for urls in ([quote_api.url], [quote_api.url, "other"])]
        turns = [(await one.take_turn(0)).fetch for one in shared]
        for one in shared:
            await one.close()
        return turns

    assert asyncio.run(run()) == [True, True]
