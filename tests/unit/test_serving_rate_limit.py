import asyncio
import socket
import sys
import time
from collections.abc import Generator

import httpx
import pytest
from limits import RateLimitItemPerSecond
from redis_server import running_redis
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from herodex.errors import UserError
from herodex.serving.rate_limit import RateLimit, RateLimiter, client_of, make_limit
from herodex.serving.shared_storage import create_storage

# Nothing listens on the discard port.
REDIS_DOWN = "redis://127.0.0.1:9/0"
THREE_IN_SIX_SECONDS = make_limit(per_minute=30, burst=3)
A_WINDOW_HAS_STARTED = 600.1


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = A_WINDOW_HAS_STARTED

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the `limits` library."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture(scope="module")
def redis_uri(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    with running_redis(tmp_path_factory.mktemp("redis")) as uri:
        yield uri


def scope(client: str | None, **headers: str) -> Scope:
    """A request from an address, with headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (client, 1234) if client else None, "headers": raw}


def counts(limiter: RateLimiter, clients: str) -> list[int]:
    """Count one request of each client, named by a letter, in turn."""

    async def run() -> list[int]:
        return [await limiter.count(client) for client in clients]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("per_minute", "burst", "requests", "seconds"),
    [
        pytest.param(240, 60, 60, 15, id="default"),
        pytest.param(30, 3, 3, 6, id="small burst"),
        pytest.param(240, 1, 4, 1, id="burst below the rate of a second"),
        pytest.param(60, 1000, 1000, 1000, id="large burst"),
        pytest.param(0.5, 1, 1, 120, id="less than one a minute"),
        pytest.param(100, 7, 8, 5, id="rounded up to whole seconds"),
    ],
)
def test_rate_and_burst_become_requests_per_window(
    per_minute: float, burst: int, requests: int, seconds: int
) -> None:
    assert make_limit(per_minute, burst) == RateLimitItemPerSecond(requests, seconds)


def test_burst_is_allowed_then_requests_at_the_rate(clock: Clock) -> None:
    limiter = RateLimiter(THREE_IN_SIX_SECONDS)
    assert counts(limiter, "aaaa") == [0, 0, 0, 6]
    clock.now += 2
    assert counts(limiter, "a") == [4]
    # One more request is allowed every two seconds from here on.
    clock.now += 4.1
    assert counts(limiter, "aa") == [0, 2]
    clock.now += 2
    assert counts(limiter, "aa") == [0, 2]
    clock.now += 1000
    assert counts(limiter, "aaaa")[:3] == [0, 0, 0]


def test_one_more_request_passes_where_a_window_ends(clock: Clock) -> None:
    limiter = RateLimiter(make_limit(per_minute=1, burst=5))
    clock.now = 899.9
    assert [wait == 0 for wait in counts(limiter, "aaaaaa")] == [True] * 5 + [False]
    # The weighted count of the last window is rounded down from the first moment of the next one.
    clock.now = 900.1
    assert [wait == 0 for wait in counts(limiter, "aaa")] == [True, False, False]


def test_average_rate_holds_over_time(clock: Clock) -> None:
    limiter = RateLimiter(THREE_IN_SIX_SECONDS)

    async def run() -> int:
        allowed = 0
        for _ in range(6000):
            clock.now += 0.1
            allowed += await limiter.count("a") == 0
        return allowed

    # 30 a minute for ten minutes, and one burst.
    assert 290 <= asyncio.run(run()) <= 303


@pytest.mark.usefixtures("clock")
def test_clients_are_counted_separately() -> None:
    limiter = RateLimiter(make_limit(per_minute=1, burst=1))
    assert [wait > 0 for wait in counts(limiter, "aba")] == [False, False, True]


@pytest.mark.usefixtures("clock")
def test_longest_silent_client_is_forgotten_when_memory_is_full() -> None:
    limiter = RateLimiter(make_limit(per_minute=1, burst=1), max_clients=2)
    counts(limiter, "abac")
    assert counts(limiter, "a") != [0]
    assert counts(limiter, "b") == [0]


@pytest.mark.usefixtures("clock")
def test_memory_for_clients_is_bounded() -> None:
    limiter = RateLimiter(THREE_IN_SIX_SECONDS, max_clients=10)
    counts(limiter, "".join(map(chr, range(1000, 3000))))
    storage = limiter._strategy.storage
    assert len(limiter._recent) == 10
    assert max(len(storage.storage), len(storage.expirations), len(storage.locks)) <= 20  # pyright: ignore


def test_limit_holds_over_workers_that_share_redis(redis_uri: str) -> None:
    async def run() -> list[bool]:
        workers = [RateLimiter(make_limit(1, 4), redis_uri) for _ in range(2)]
        allowed = [await workers[turn % 2].count("shared") == 0 for turn in range(8)]
        assert await workers[0].count("another") == 0
        for worker in workers:
            await worker._strategy.storage.bridge.storage.aclose()  # pyright: ignore
        return allowed

    assert asyncio.run(run()) == [True] * 4 + [False] * 4


def test_redis_that_is_down_lets_requests_pass_and_is_logged_once(outages: list[str]) -> None:
    limiter = RateLimiter(make_limit(1, 1), REDIS_DOWN)

    async def run() -> list[int]:
        waits = []
        for _ in range(20):
            limiter._outage.retry_at = 0
            waits.append(await limiter.count("a"))
        return waits

    assert asyncio.run(run()) == [0] * 20
    assert len(outages) == 1
    assert "requests pass uncounted" in outages[0]


def test_silent_redis_delays_one_request_only_and_never_the_event_loop() -> None:
    async def run() -> tuple[float, int]:
        limiter = RateLimiter(make_limit(1, 1), f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        turns = 0

        async def tick() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        ticking = asyncio.create_task(tick())
        started = time.monotonic()
        for _ in range(50):
            assert await limiter.count("a") == 0
        ticking.cancel()
        return time.monotonic() - started, turns

    with socket.create_server(("127.0.0.1", 0)) as server:
        seconds, turns = asyncio.run(run())
    assert seconds < 2
    assert turns >= 5


def test_malformed_redis_address_is_reported() -> None:
    with pytest.raises(UserError, match="is not a Redis address"):
        create_storage("redis://host:port/0")


def test_missing_redis_client_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UserError, match="needs the package redis"):
        create_storage("redis://host:6379/0")


async def api(scope: Scope, receive: Receive, send: Send) -> None:
    """The application behind the limit."""
    await PlainTextResponse("fine")(scope, receive, send)


def responses(limit: RateLimit, *paths: str) -> list[httpx.Response]:
    """Send a request to each path in turn."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=limit)
        async with httpx.AsyncClient(transport=transport, base_url="http://limited") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


@pytest.mark.usefixtures("clock")
def test_client_over_the_limit_gets_429_with_retry_after() -> None:
    _, refused = responses(RateLimit(api, 60, 1, ""), "/api/about", "/api/about")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {
        "error": "Too many requests from this client.",
        "hint": "Wait 1 s, then send requests more slowly.",
    }


@pytest.mark.usefixtures("clock")
def test_probes_page_and_static_files_are_not_limited() -> None:
    paths = ["/api/about", "/livez", "/readyz", "/", "/names", "/static/app.js", "/metrics", "/api/about"]
    statuses = [response.status_code for response in responses(RateLimit(api, 1, 1, ""), *paths)]
    assert statuses == [200] * 7 + [429]


def test_zero_means_no_limit() -> None:
    limit = RateLimit(api, 0, 1, "")
    assert {response.status_code for response in responses(limit, *["/api/about"] * 50)} == {200}


@pytest.mark.parametrize(
    ("request_scope", "header", "client"),
    [
        (scope("192.0.2.1"), "", "192.0.2.1"),
        (scope("192.0.2.1", x_forwarded_for="198.51.100.7"), "", "192.0.2.1"),
        (scope("192.0.2.1", x_forwarded_for="6.6.6.6, 198.51.100.7"), "X-Forwarded-For", "198.51.100.7"),
        (scope("192.0.2.1", x_real_ip="not an address"), "X-Real-IP", "192.0.2.1"),
        (scope("192.0.2.1"), "X-Real-IP", "192.0.2.1"),
        (scope("2001:db8:1:2:3:4:5:6"), "", "2001:db8:1:2::/64"),
        (scope("2001:db8:1:2:ffff::1"), "", "2001:db8:1:2::/64"),
        (scope("::ffff:192.0.2.1"), "", "192.0.2.1"),
        (scope(None), "", ""),
    ],
)
def test_client_is_the_address_from_the_proxy_or_the_connection(
    request_scope: Scope, header: str, client: str
) -> None:
    assert client_of(request_scope, header) == client


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["198.51.100.1", "203.0.113.9"], id="a line before the proxy's"),
        pytest.param(["198.51.100.1, 198.51.100.2", "203.0.113.9"], id="a list before the proxy's"),
        pytest.param(["198.51.100.1", "198.51.100.2, 203.0.113.9"], id="a line before the proxy's list"),
        pytest.param(["", "junk", " 203.0.113.9 "], id="junk before the proxy's"),
    ],
)
def test_last_address_over_all_lines_of_the_header_counts(lines: list[str]) -> None:
    forged: Scope = {
        "type": "http",
        "client": ("192.0.2.1", 1),
        "headers": [(b"x-forwarded-for", line.encode()) for line in lines],
    }
    assert client_of(forged, "X-Forwarded-For") == "203.0.113.9"
