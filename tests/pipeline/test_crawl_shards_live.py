"""The merge finishes images that a shard cannot, on a web of two sources and hostile hosts."""

import csv
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest
from crawl_through import THROUGH
from odd_web import Answer, OddWeb, give, hang_up, respond, running_odd_web
from replicas import commons, openverse
from shards_through import SHARDS_THROUGH
from workspace import Run, Workspace

from crawlers.shards import shard_of

JPEG = b"\xff\xd8\xff\xe0 an image as far as its first bytes go"
BIG = JPEG + bytes(100_000)
LIVE = {
    "classes": ["one", "two"],
    "distractors": [],
    "crawl.web": "live",
    "crawl.contact": "mailto:operator@example.org",
    "crawl.accepted_terms": ["openverse", "commons"],
    "crawl.images.per_query": 60,
    "crawl.images.largest_share": 0.9,
    "crawl.retries": 0,
    "crawl.max_total_mb": 1,
}
MOVED, TARGET = "http://first.test/moved.jpg", "http://second.test/target.jpg"
BIG_URL = "http://big.test/1.jpg"
SOUND = [f"http://{host}.test/{number}.jpg" for host in ("first", "second", "third") for number in range(3)]
DEAD = [f"http://dead.test/{number}.jpg" for number in range(35)]
ROBOTS_ELSEWHERE = "http://robots.test/1.jpg"
OF_OPENVERSE = [MOVED, *SOUND, BIG_URL, ROBOTS_ELSEWHERE, *DEAD]
OF_COMMONS = ["http://fourth.test/1.jpg", "http://first.test/0.jpg", "file:///etc/passwd"]


def answers() -> Mapping[str, Answer]:
    """Replicate both sources, which find the same for every query, and the hosts of their images."""
    records = [openverse.record(number, url=url) for number, url in enumerate(OF_OPENVERSE)]
    pages = [commons.page(number, thumburl=url, url=url) for number, url in enumerate(OF_COMMONS)]
    return {
        openverse.ROBOTS_URL: give(200, openverse.ROBOTS),
        commons.ROBOTS_URL: give(200, commons.ROBOTS),
        openverse.SEARCH: respond(partial(openverse.search, records)),
        commons.SEARCH: respond(partial(commons.search, pages)),
        **dict.fromkeys([*SOUND, TARGET, ROBOTS_ELSEWHERE, OF_COMMONS[0]], give(200, JPEG)),
        **dict.fromkeys(DEAD, hang_up),
        BIG_URL: give(200, BIG),
        MOVED: give(302, b"", {"Location": TARGET}),
        "http://robots.test/robots.txt": give(301, b"", {"Location": "http://second.test/robots.txt"}),
    }


class Crawls(NamedTuple):
    """The crawl of one process and that of several: their rows, webs and logs."""

    alone: list[dict[str, str]]
    several: list[dict[str, str]]
    web_of_one: OddWeb
    shards: dict[str, int]
    web: OddWeb
    log: str


def rows_in(workspace: Workspace, folder: str) -> list[dict[str, str]]:
    with (workspace.folder / folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def crawls(workspace_factory) -> Crawls:
    """Crawl in one process, then in several."""
    alone, several = workspace_factory(), workspace_factory()
    for project in (alone, several):
        project.write_params(LIVE)
    with running_odd_web(lambda _: answers()) as web_of_one:
        done = alone.run(THROUGH, "images", web_of_one.proxy)
        assert done.code == 0, done.log

    def part(name: str) -> Run:
        run = several.run(SHARDS_THROUGH, name, web.proxy)
        assert run.code == 0, run.log
        assert "Traceback" not in run.log
        return run

    with running_odd_web(lambda _: answers()) as web:
        part("search openverse")
        assert not any("commons" in url for url in web.requests)
        part("search commons")
        log = part("0-63/64").log
        shards = {url: len(times) for url, times in web.requests.items()}
        part("merge")
    return Crawls(
        rows_in(alone, "crawled"), rows_in(several, "data/images/raw"), web_of_one, shards, web, log
    )


def test_hosts_are_of_different_shards():
    urls = [MOVED, TARGET, BIG_URL, ROBOTS_ELSEWHERE, *DEAD[:1]]
    assert len({shard_of(url, 64) for url in urls}) == len(urls)


def test_rows_are_those_of_one_process(crawls):
    assert len(crawls.several) > len(OF_OPENVERSE)
    # The number of requests to a silent host before it is given up depends on time, in one process too.
    for row in (*crawls.alone, *crawls.several):
        if urlsplit(row["image_url"]).hostname == "dead.test":
            row.pop("reason")
    assert crawls.several == crawls.alone
    found = {row["image_url"]: row["status"] for row in crawls.several}
    assert {found[url] for url in (MOVED, BIG_URL, ROBOTS_ELSEWHERE, *SOUND)} == {"ok"}


def test_redirect_to_a_host_of_another_shard_is_followed_by_the_merge(crawls):
    assert crawls.shards[MOVED] == len(crawls.web.requests[MOVED]) == 1
    assert TARGET not in crawls.shards
    assert len(crawls.web.requests[TARGET]) == 1


def test_robots_txt_of_a_host_of_another_shard_is_read_by_the_merge(crawls):
    assert ROBOTS_ELSEWHERE not in crawls.shards
    assert len(crawls.web.requests[ROBOTS_ELSEWHERE]) == 1
    robots = [url for url in crawls.web.requests if url.endswith(".test/robots.txt")]
    assert "http://robots.test/robots.txt" in robots
    assert {len(crawls.web.requests[url]) for url in robots} == {1}


def test_image_beyond_the_part_of_a_shard_is_downloaded_by_the_merge(crawls):
    assert crawls.shards[BIG_URL] == 1
    assert len(crawls.web.requests[BIG_URL]) == 2


def test_shard_of_a_silent_host_asks_a_source_whether_the_network_works(crawls):
    checked = [url for url in (openverse.ROBOTS_URL, commons.ROBOTS_URL) if url in crawls.shards]
    assert len(checked) == 1
    assert "dead.test is given up" in crawls.log


def test_nothing_else_is_requested_twice(crawls):
    repeated = {
        url
        for url, times in crawls.web.requests.items()
        if len(times) > len(crawls.web_of_one.requests.get(url, [])) and url not in DEAD
    }
    assert repeated <= {BIG_URL, openverse.ROBOTS_URL, commons.ROBOTS_URL}
