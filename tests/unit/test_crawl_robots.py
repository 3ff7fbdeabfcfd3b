import time

import pytest
from protego import Protego

from crawlers.middlewares.robots import MOST_BYTES, bounded_robots

AGENT = "Herodex/0.1 (+mailto:operator@example.org)"
MANY = range(15_000)


def allows(body: str, path: str = "/a") -> bool:
    """Tell whether the shortened file allows a path; the whole file has to give the same."""
    bounded = Protego.parse(bounded_robots(body.encode(), AGENT).decode())
    url = f"http://a.test{path}"
    assert bounded.can_fetch(url, AGENT) == Protego.parse(body.removeprefix("\ufeff")).can_fetch(url, AGENT)
    return bounded.can_fetch(url, AGENT)


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("User-agent: *\nDisallow: /a", False),
        ("User-agent: other\nDisallow: /a", True),
        ("User-agent: other\nUser-agent: *\nDisallow: /a", False),
        ("User-agent: *\nUser-agent: other\nDisallow: /a", False),
        ("User-agent: *\nDisallow: /a\nUser-agent: herodex\nAllow: /a", True),
        ("User-agent: *\nAllow: /a\nUser-agent: HERODEX # us\nDisallow: /a", False),
        ("user agent herodex\r\ndisallow /a", False),
        ("  USERAGENT:herodex*\n  Disallow:/a", False),
        ("User-agent: other\nAllow: /\nUser-agent: one\nDisallow: /a\nUser-agent: *\nDisallow: /b", True),
        ("User-agent:\nDisallow: /a", True),
        ("\ufeffUser-agent: *\x0bDisallow: /a", False),
        ("Disallow: /a", True),
        ("<html>no such page</html>", True),
        ("", True),
    ],
)
def test_shortened_robots_txt_has_the_same_rules_for_this_crawler(body, allowed):
    assert allows(body) is allowed


@pytest.mark.parametrize(
    "body",
    [
        "".join(f"User-agent: a{each}\n" for each in MANY) + "".join(f"Disallow: /{each}\n" for each in MANY),
        "User-agent: *\n" + "".join(f"Disallow: /*{each}*b$\n" for each in range(200_000)),
        "".join(f"User-agent: {AGENT[at:end]}\n" for at in range(30) for end in range(at + 1, 31))
        + "".join(f"Disallow: /{each}\n" for each in MANY),
        "User-agent: *\nDisallow: /" + "*a" * 2_000_000,
        "User-agent: *\n" * 100_000,
        "".join(f"User-agent: a{each}\x0b" for each in MANY)
        + "".join(f"Disallow: /{each}\u2028" for each in MANY),
    ],
    ids=["agents", "rules", "own names", "wildcards", "repeated", "other line ends"],
)
def test_hostile_robots_txt_is_parsed_in_bounded_time(body):
    started = time.thread_time()
    bounded = bounded_robots(body.encode(), AGENT)
    assert len(bounded) <= MOST_BYTES
    Protego.parse(bounded.decode()).can_fetch(f"http://a.test/{'a' * 2000}", AGENT)
    assert time.thread_time() - started < 10


def test_robots_txt_is_cut_at_the_end_of_a_line():
    body = b"User-agent: *\nDisallow: /a\n" + b"Disallow: /private\n" * 40_000
    bounded = bounded_robots(body, AGENT)
    assert MOST_BYTES - 100 < len(bounded) <= MOST_BYTES
    assert set(bounded.splitlines()) == {b"User-agent: *", b"Disallow: /a", b"Disallow: /private"}
