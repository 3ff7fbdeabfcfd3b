"""A crawl in several processes has the outputs of one process, and asks each host in one process alone."""

import itertools
import json
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from crawl_through import THROUGH
from demo_web_params import ONE_OF_EACH, QUERIES
from observed_web import ObservedWeb, serving
from shards_through import SHARDS_THROUGH
from workspace import Workspace

from crawlers.shards import listed, shard_of_host
from demo_web.hosts import SEARCH, gallery
from demo_web.site import Answer
from herodex.params import Params

HOSTS = [gallery(number) for number in range(1, 9)]
SHARDS = 64
DELAY_S, PER_HOST = 0.3, 2
PACE = json.dumps({"AUTOTHROTTLE_ENABLED": False, "DOWNLOAD_DELAY": DELAY_S, "IMAGES_AT_A_TIME": 256})
WEB = {
    "classes": QUERIES[:2],
    "distractors": QUERIES[2:],
    "crawl.images.per_query": 24,
    "crawl.per_host": PER_HOST,
    "demo_web.results_per_query": 24,
    "demo_web.image_hosts": len(HOSTS),
    # Without those that a second request changes.
    **{
        f"demo_web.shares.{kind}": 0 if kind.endswith("once") else share
        for kind, share in ONE_OF_EACH.items()
    },
}


def ranges() -> tuple[str, str]:
    """Return two ranges of shards with half of the hosts each."""
    last = sorted(shard_of_host(host, SHARDS) for host in HOSTS)[len(HOSTS) // 2 - 1]
    return listed(range(last + 1), SHARDS), listed(range(last + 1, SHARDS), SHARDS)


FIRST, SECOND = ranges()
OF_FIRST = {host for host in HOSTS if shard_of_host(host, SHARDS) <= int(FIRST.split("-")[1].split("/")[0])}


class Request(NamedTuple):
    """A line of the access log."""

    time: float
    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


class LoggedWeb(ObservedWeb):
    """The demo web with an access log; it can keep the requests to some hosts waiting.

    Images that are in `answers` need not be drawn, which would delay the log.
    """

    def __init__(self, params: Params, answers: dict[str, Answer]) -> None:
        super().__init__(params)
        self.answers = answers
        self.log: list[Request] = []
        self.waiting: list[Request] = []
        self.hold_after = 0
        self.held_hosts: set[str] = set()
        self.go_on = threading.Event()

    def answer(self, url: str) -> Answer:
        request = Request(time.monotonic(), url)
        self.log.append(request)
        asked = sum(each.host in self.held_hosts for each in self.log)
        if request.host in self.held_hosts and asked > self.hold_after and not self.go_on.is_set():
            self.waiting.append(request)
            self.go_on.wait()
        if url not in self.answers:
            self.answers[url] = super().answer(url)
        return self.answers[url]

    @contextmanager
    def holding(self, hosts: set[str], after: int) -> Generator[None]:
        """Answer no request to `hosts` beyond the first `after` ones, until the end."""
        self.held_hosts, self.hold_after = hosts, after
        try:
            yield
        finally:
            self.go_on.set()


def crawl_in_one_process(project: Workspace, params: Params, answers: dict[str, Answer]) -> list[Request]:
    """Crawl, and return the access log."""
    with serving(LoggedWeb(params, answers)) as web:
        done = project.run(THROUGH, "images", web.url)
    assert done.code == 0, done.log
    return web.log


def crawl_in_several(project: Workspace, params: Params, answers: dict[str, Answer]) -> LoggedWeb:
    """Search; download in two processes at once, kill one and start it again; merge."""
    with serving(LoggedWeb(params, answers)) as web:
        assert project.run(SHARDS_THROUGH, "search", web.url).code == 0
        with project.start(SHARDS_THROUGH, SECOND, web.url, PACE) as other:
            with (
                web.holding(OF_FIRST, after=20),
                project.start(SHARDS_THROUGH, FIRST, web.url, PACE) as killed,
            ):
                while len(web.waiting) < PER_HOST and killed.poll() is None:
                    time.sleep(0.01)
                time.sleep(3 * DELAY_S)
                killed.kill()
                assert killed.wait() == -signal.SIGKILL
            early = project.run(SHARDS_THROUGH, "merge", web.url)
            assert early.code == 1
            assert "herodex crawl --shard " in early.log
            again = project.run(SHARDS_THROUGH, FIRST, web.url, PACE)
            assert again.code == 0, again.log
            _, log = other.communicate(timeout=60)
            assert other.returncode == 0, log
        asked = len(web.log)
        merged = project.run(SHARDS_THROUGH, "merge", web.url)
        assert merged.code == 0, merged.log
        assert len(web.log) == asked
    return web


@pytest.fixture(scope="module")
def crawls(workspace_factory) -> tuple[Workspace, list[Request], Workspace, LoggedWeb]:
    """The crawl of one process with its access log, and that of several with their web."""
    alone, several = workspace_factory(), workspace_factory()
    params = alone.write_params(WEB)
    assert several.write_params(WEB) == params
    answers = dict[str, Answer]()
    log = crawl_in_one_process(alone, params, answers)
    return alone, log, several, crawl_in_several(several, params, answers)


def test_outputs_are_those_of_one_process(crawls):
    alone, _, several, _ = crawls
    expected = {name: data for name, data in alone.tree("crawled").items() if name != "sources.md"}
    assert len(expected) > 50
    assert several.tree("data/images/raw") == expected
    assert several.tree("reports")["sources.md"] == alone.tree("crawled")["sources.md"]


def test_shared_folder_is_removed_after_the_merge(crawls):
    assert list((crawls[2].folder / ".cache/crawl").iterdir()) == []


def test_only_requests_in_flight_at_the_kill_are_repeated(crawls):
    _, log, _, web = crawls
    expected = Counter(request.url for request in log if request.host in {SEARCH, *HOSTS})
    asked = Counter(request.url for request in web.log if request.host in {SEARCH, *HOSTS})
    in_flight = Counter(request.url for request in web.waiting)
    assert 0 < in_flight.total() <= PER_HOST * len(OF_FIRST)
    assert asked - expected == in_flight
    assert expected - asked == Counter()


@pytest.mark.parametrize("host", HOSTS)
def test_requests_to_a_host_are_a_delay_apart(crawls, host):
    times = [request.time for request in crawls[3].log if request.host == host]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert len(times) > 10
    # A busy machine logs single requests late, so that some gaps seem short.
    assert statistics.median(gaps) > 0.95 * DELAY_S
    half = len(times) // 2
    for start, end in zip(times, times[half:], strict=False):
        assert end - start > 0.75 * half * DELAY_S
