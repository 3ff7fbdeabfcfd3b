"""The rate limit of a service with two workers that share Redis."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from redis_server import running_redis
from tiny_service import make_project, serving

BURST = 20
REQUESTS = 200
CLIENT = {"x-real-ip": "203.0.113.9"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with two workers, whose limit allows a burst and then one request a minute."""
    folder: Path = tmp_path_factory.mktemp("limited")
    with running_redis(folder) as storage:
        project = make_project(
            folder / "project",
            workers=2,
            requests_per_minute=1,
            burst=BURST,
            client_header="X-Real-IP",
            limit_storage=storage,
        )
        with serving(project) as url:
            yield url


def test_limit_holds_over_both_workers(url: str) -> None:
    # A new connection each time, so that both workers get enough requests to use up a limit of their own.
    def ask(_: int) -> int:
        return httpx.get(f"{url}/api/about", headers=CLIENT, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(ask, range(REQUESTS)))
    assert statuses == {200: BURST, 429: REQUESTS - BURST}
