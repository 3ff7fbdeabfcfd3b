"""Two replicas of the service behind nginx, with one Redis server: one rate limit and one fetch of quotes."""

import contextlib
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from certificate import server_context, write_certificate
from nginx_proxy import running_nginx
from quote_api import QuoteApi, running_quote_api
from redis_server import RedisServer, controlled_redis
from tiny_service import make_project, started, wait_for, wait_until_ready

BURST = 10
LIMITED_AGAIN_S = 60
"""Several times the pause after which a replica asks Redis again."""
DOWN = "rate limit storage is down"
OUTAGE_LOG_S = 60


class Replicas(NamedTuple):
    """Address of the proxy, folders of the replicas, and what they share."""

    url: str
    folders: list[Path]
    redis: RedisServer
    quotes: QuoteApi


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Generator[Replicas]:
    """Two running replicas, whose limit allows a burst and then one request a minute."""
    folder = tmp_path_factory.mktemp("replicas")
    certificate = write_certificate(folder)
    with (
        controlled_redis(folder) as redis,
        running_quote_api(server_context(certificate)) as quotes,
        contextlib.ExitStack() as running,
    ):
        folders = [
            make_project(
                folder / name,
                requests_per_minute=1,
                burst=BURST,
                client_header="X-Real-IP",
                limit_storage=redis.uri,
                quote_urls=[quotes.url],
                quote_timeout_s=10,
            )
            for name in ("first", "second")
        ]
        servers = [running.enter_context(started(one, SSL_CERT_FILE=str(certificate))) for one in folders]
        proxy = running_nginx(folder, [url.removeprefix("http://") for url, _ in servers])
        url = running.enter_context(proxy)
        for (address, server), one in zip(servers, folders, strict=True):
            wait_until_ready(address, server, one / "server.log")
        yield Replicas(url, folders, redis, quotes)


@contextlib.contextmanager
def client_at(replicas: Replicas, address: str) -> Generator[httpx.Client]:
    """A client of the proxy that connects from a loopback address of its own."""
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=replicas.url, transport=transport, timeout=60) as client:
        yield client


def statuses(client: httpx.Client, requests: int) -> Counter[int]:
    """Send requests one after another, each with a forged address; count the statuses."""
    return Counter(
        client.get("/api/about", headers={"x-real-ip": f"203.0.113.{place}"}).status_code
        for place in range(requests)
    )


def is_limited_again(replicas: Replicas, address: str) -> bool:
    """Return whether a client is refused before long."""
    with client_at(replicas, address) as client:
        return wait_for(lambda: client.get("/api/about").status_code == 429, LIMITED_AGAIN_S)


def test_one_limit_holds_over_both_replicas(replicas: Replicas) -> None:
    with client_at(replicas, "127.0.0.2") as client:
        assert statuses(client, 4 * BURST) == {200: BURST, 429: 3 * BURST}
    for folder in replicas.folders:
        log = (folder / "server.log").read_text(encoding="utf-8")
        # nginx sends each request to the next replica, so each of them has refused some.
        assert log.count('"status": 429') >= BURST


def test_replicas_fetch_quotes_once(replicas: Replicas) -> None:
    with client_at(replicas, "127.0.0.3") as client:
        sources = Counter(client.get("/api/quote").json()["source"] for _ in range(6))
    assert sources == {"upstream": 1, "cache": 5}
    assert replicas.quotes.asked == 1


def test_replicas_answer_without_redis_and_limit_again_with_it(replicas: Replicas) -> None:
    began = time.monotonic()
    replicas.redis.pause()
    with client_at(replicas, "127.0.0.4") as client:
        assert statuses(client, 3 * BURST) == {200: 3 * BURST}
    replicas.redis.resume()
    assert is_limited_again(replicas, "127.0.0.5")

    replicas.redis.kill()
    with client_at(replicas, "127.0.0.6") as client:
        assert statuses(client, 3 * BURST) == {200: 3 * BURST}
        assert client.get("/api/quote").json()["source"] == "cache"
    replicas.redis.start()
    assert is_limited_again(replicas, "127.0.0.7")

    minutes = (time.monotonic() - began) / OUTAGE_LOG_S
    for folder in replicas.folders:
        warnings = (folder / "server.log").read_text(encoding="utf-8").count(DOWN)
        assert 1 <= warnings <= 1 + minutes
