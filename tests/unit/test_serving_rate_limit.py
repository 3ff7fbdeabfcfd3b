import pytest
from starlette.types import Scope

from herodex.serving.rate_limit import TokenBuckets, client_of


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(client: str | None, **headers: str) -> Scope:
    """A request from an address, with headers."""
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "client": (client, 1234) if client else None, "headers": raw}


def test_a_burst_is_granted_and_then_one_request_for_each_token_gained() -> None:
    clock = Clock()
    buckets = TokenBuckets(per_minute=30, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]
    clock.now = 1
    assert buckets.take("a") == pytest.approx(1)
    clock.now = 2
    assert [buckets.take("a"), buckets.take("a")] == [0, pytest.approx(2)]
    clock.now = 1000
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 2]


def test_clients_have_buckets_of_their_own() -> None:
    buckets = TokenBuckets(per_minute=1, burst=1, clock=Clock())
    assert buckets.take("a") == 0
    assert buckets.take("b") == 0
    assert buckets.take("a") > 0


def test_no_more_buckets_are_kept_than_allowed_and_the_longest_silent_goes_first() -> None:
    buckets = TokenBuckets(per_minute=1, burst=1, max_clients=2, clock=Clock())
    for client in ("a", "b", "a", "c"):
        buckets.take(client)
    assert buckets.take("a") > 0
    # "b" was forgotten, and so starts anew.
    assert buckets.take("b") == 0


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
def test_a_client_is_who_the_proxy_says_or_else_the_connection(
    request_scope: Scope, header: str, client: str
) -> None:
    assert client_of(request_scope, header) == client
