"""The crawl of the live web with several sources, against replicas and hostile URLs."""

import csv
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from crawl_through import THROUGH
from fetch_directly import DIRECTLY, TREACHEROUS
from odd_web import Answer, OddWeb, give, hang_up, respond, running_odd_web
from replicas import commons, openverse
from workspace import Workspace

JPEG = b"\xff\xd8\xff\xe0 an image as far as its first bytes go"
CONTACT = "mailto:operator@example.org"
LIVE = {
    "classes": ["one", "two"],
    "distractors": [],
    "crawl.web": "live",
    "crawl.contact": CONTACT,
    "crawl.accepted_terms": ["openverse", "commons"],
    "crawl.images.per_query": 10,
    "crawl.images.largest_share": 0.7,
    "crawl.retries": 1,
    "crawl.timeout_s": 5,
}
NOT_PUBLIC = [
    "http://127.0.0.1/a.jpg",
    "http://2130706433/b.jpg",
    "https://localhost/c.jpg",
    "http://[::1]/d.jpg",
    "http://10.1.2.3/e.jpg",
    "http://169.254.169.254/latest/meta-data/f.jpg",
]
ASTRAY = "http://images.test/..%2F..%2F../../../etc/astray.jpg"
ROBOTS = {
    openverse.ROBOTS_URL: give(200, openverse.ROBOTS),
    commons.ROBOTS_URL: give(200, commons.ROBOTS),
}


def image(name: str) -> str:
    return f"http://images.test/{name}.jpg"


def rows_of(workspace: Workspace) -> list[dict[str, str]]:
    with (workspace.folder / "crawled" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def found_by(openverse_urls: list[str], commons_urls: list[str]) -> dict[str, Answer]:
    """Replicate both APIs; they find the same for every query."""
    records = [openverse.record(number, url=url) for number, url in enumerate(openverse_urls)]
    pages = [commons.page(number, thumburl=url, url=url) for number, url in enumerate(commons_urls)]
    return {
        **ROBOTS,
        openverse.SEARCH: respond(partial(openverse.search, records)),
        commons.SEARCH: respond(partial(commons.search, pages)),
    }


def crawl(workspace: Workspace, answers: Mapping[str, Answer], **changes: Any) -> tuple[OddWeb, str]:
    """Crawl, and return the web and the log."""
    workspace.write_params(LIVE | {key.replace("__", "."): value for key, value in changes.items()})
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    assert "Traceback" not in run.log
    return web, run.log


@pytest.fixture(scope="module")
def both(workspace_factory: Callable[[], Workspace]) -> tuple[Workspace, OddWeb, str]:
    """A crawl of two sources with one shared image and URLs that must not be requested."""
    own = [image(f"openverse-{number}") for number in range(7)] + [ASTRAY]
    others = [own[0], *(image(f"commons-{number}") for number in range(8))]
    cookie = give(200, JPEG, {"Set-Cookie": "who=you; Domain=test; Path=/"})
    to_loopback = give(302, b"", {"Location": NOT_PUBLIC[0]})
    workspace = workspace_factory()
    answers = {
        **found_by([own[0], *NOT_PUBLIC, *own[1:]], others),
        **dict.fromkeys([*own, *others], cookie),
        others[1]: to_loopback,
    }
    # Enough for every URL of both sources to be taken.
    return workspace, *crawl(workspace, answers, crawl__images__per_query=20)


def test_first_source_gives_its_share_and_the_next_one_the_rest(both):
    rows = [row for row in rows_of(both[0]) if row["query"] == "one"]
    assert [row["source"] for row in rows] == ["openverse"] * 14 + ["commons"] * 6
    assert len({row["image_url"] for row in rows}) == len(rows)
    assert [int(row["rank"]) for row in rows] == [*range(1, 15), *range(2, 8)]


def test_image_is_stored_in_its_folder_by_hash_for_any_url(both):
    rows = {row["image_url"]: row for row in rows_of(both[0])}
    assert rows[ASTRAY]["status"] == "ok"
    written = [path for path in both[0].tree(".") if path.endswith(".jpg") and path.startswith("crawled")]
    assert written
    for path in written:
        assert re.fullmatch("crawled/(one|two)/[0-9a-f]{64}.jpg", path)
    assert not list(both[0].folder.parent.glob("**/astray*"))


def test_each_image_has_its_source_and_license(both):
    for row in rows_of(both[0]):
        assert all(row[key] for key in ("title", "author", "license", "license_url", "page_url", "rank"))
        assert row["license"] == {"openverse": "CC BY-SA 2.0", "commons": "CC BY-SA 4.0"}[row["source"]]
    report = (both[0].folder / "crawled" / "sources.md").read_text(encoding="utf-8")
    assert "| licence | images | commons | openverse |" in report
    assert "Creator 0" in report


def test_no_private_address_is_requested(both):
    workspace, web, _ = both
    rows = rows_of(workspace)
    refused = ("refused", "not an address of the public web")
    found = {row["image_url"]: (row["status"], row["reason"]) for row in rows}
    for url in [*NOT_PUBLIC, image("commons-0")]:  # the last one redirects to the first
        assert found[url] == refused
    asked = {url.split("/")[2] for url in web.requests}
    assert asked <= {"api.openverse.org", "commons.wikimedia.org", "images.test"}


def test_requests_have_no_referer_and_no_cookie(both):
    for headers in both[1].headers:
        assert not {"Referer", "Cookie", "Authorization"} & set(headers)
        assert headers["User-Agent"] == f"herodex/0.1 (+{CONTACT})"


def test_log_has_a_line_for_each_source_and_a_table(both):
    log = both[2]
    assert re.search("openverse: 28 of at most 40 results in ", log)
    assert re.search("commons: 18 of at most 40 results in ", log)
    assert re.search(r"openverse: 14 of at most 14 images, 0\.0 MB in .* 6 refused", log)
    assert re.search("commons: 6 of at most 6 images.* 1 refused", log)
    assert "source     results  kept  refused" in log


def test_dead_source_does_not_stop_the_other(workspace):
    images = [image(str(number)) for number in range(3)]
    answers = {**found_by([], images), **dict.fromkeys(images, give(200, JPEG))}
    web, log = crawl(workspace, {**answers, openverse.SEARCH: give(503, b"")})
    assert [(row["source"], row["status"]) for row in rows_of(workspace)] == [("commons", "ok")] * 6
    assert "openverse is skipped: it answered 503 Service Unavailable" in log
    # Two searches, each tried twice.
    assert sum(len(times) for url, times in web.requests.items() if url.startswith(openverse.SEARCH)) == 4


def test_source_that_robots_txt_forbids_is_skipped_with_a_warning(workspace):
    images = [image("1")]
    answers = {**found_by(images, images), image("1"): give(200, JPEG)}
    web, log = crawl(workspace, answers, crawl__accepted_terms=["commons"])
    assert "openverse is skipped: robots.txt forbids it (see crawl.accepted_terms" in log
    assert not [url for url in web.requests if url.startswith(openverse.SEARCH)]
    assert {row["source"] for row in rows_of(workspace)} == {"commons"}


def test_byte_budget_ends_the_crawl_and_a_larger_one_continues_it(workspace):
    images = [image(str(number)) for number in range(7)]
    large = JPEG + bytes(200_000)
    answers = {**found_by(images, []), **dict.fromkeys(images, give(200, large))}
    web, _ = crawl(workspace, answers, crawl__max_total_mb=0.5, crawl__per_host=1)
    rows = rows_of(workspace)
    left = [row["image_url"] for row in rows if row["status"] == "over_budget"]
    assert 0 < len(set(left)) < len(images)
    assert {row["reason"] for row in rows if row["status"] == "over_budget"} == {
        "the crawl's budget was spent"
    }
    web, _ = crawl(workspace, answers, crawl__max_total_mb=10, crawl__per_host=1)
    assert {row["status"] for row in rows_of(workspace)} == {"ok"}
    assert {url for url in web.requests if "images.test" in url} - {"http://images.test/robots.txt"} == set(
        left
    )


def test_crawl_without_time_left_requests_nothing(workspace):
    workspace.write_params(LIVE | {"crawl.max_minutes": 1e-9})
    with running_odd_web(lambda _: found_by([image("1")], [])) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert web.requests == {}
    assert "openverse is skipped: the crawl's budget was spent" in run.log


def test_lost_network_stops_the_crawl_without_failed_images(workspace):
    workspace.write_params(
        LIVE | {"crawl.images.per_query": 40, "crawl.images.largest_share": 1, "crawl.retries": 0}
    )
    images = [image(str(number)) for number in range(40)]
    robots = {"http://images.test/robots.txt": give(404, b"")}
    checks = dict.fromkeys((openverse.ROBOTS_URL, commons.ROBOTS_URL), hang_up)
    offline = {**found_by(images, []), **robots, **dict.fromkeys(images, hang_up), **checks}
    with running_odd_web(lambda _: offline) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 1
    assert "The crawl stopped: 25 images in a row could not be reached" in run.log
    assert "Traceback" not in run.log
    online = offline | dict.fromkeys(images, give(200, JPEG))
    with running_odd_web(lambda _: online) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    assert {row["status"] for row in rows_of(workspace)} == {"ok"}


PAGE = give(200, b"<!doctype html><title>Removed</title>", {"Content-Type": "image/jpeg"})
PERMANENT: dict[str, tuple[Answer, str, str]] = {
    "lost": (give(404, b"no"), "http_error", "404 Not Found"),
    "gone": (give(410, b"no"), "http_error", "410 Gone"),
    "secret": (give(403, b"no"), "http_error", "403 Forbidden"),
    "page": (PAGE, "not_an_image", "not in a known image format"),
}
MANY = {
    "crawl.images.per_query": 240,
    "crawl.images.largest_share": 1,
    "crawl.retries": 0,
    "crawl.per_host": 8,
    "crawl.timeout_s": 20,
}
LEFT_OUT = "not requested: 25 images of dead.test in a row had no answer"
GIVEN_UP = "dead.test is given up: 25 of its images in a row had no answer"


def of_dead_host(count: int) -> list[str]:
    return [f"http://dead.test/{number}.jpg" for number in range(count)]


def crawl_many(workspace: Workspace, urls: list[str], answers: Mapping[str, Answer]) -> tuple[OddWeb, str]:
    """Crawl images by their answers; else an image answers with itself."""
    return crawl(workspace, {**found_by(urls, []), **dict.fromkeys(urls, give(200, JPEG)), **answers}, **MANY)


def test_errors_of_single_images_give_up_no_host(workspace):
    failing = {image(f"{name}{number}"): name for name in PERMANENT for number in range(30)}
    fine = [image(str(number)) for number in range(5)] + ["http://other.test/1.jpg"]
    answers = {url: PERMANENT[name][0] for url, name in failing.items()}
    web, log = crawl_many(workspace, [*failing, *fine], answers)
    found = {row["image_url"]: (row["status"], row["reason"]) for row in rows_of(workspace)}
    assert found == {url: PERMANENT[name][1:] for url, name in failing.items()} | dict.fromkeys(
        fine, ("ok", "")
    )
    assert {len(web.requests[url]) for url in found} == {1}
    assert "given up" not in log


@pytest.mark.parametrize("silence", ["hangs up", "gives no answer in time"])
def test_host_without_answers_is_given_up_and_others_go_on(workspace, silence):
    dead, fine = of_dead_host(100), [image(str(number)) for number in range(60)]
    urls = [*dead, *fine]
    workspace.write_params(LIVE | MANY | ({} if silence == "hangs up" else {"crawl.timeout_s": 3}))

    def answers(web: OddWeb) -> Mapping[str, Answer]:
        silent = hang_up if silence == "hangs up" else web.hang
        return {**found_by(urls, []), **dict.fromkeys(fine, give(200, JPEG)), **dict.fromkeys(dead, silent)}

    with running_odd_web(answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    rows = {row["image_url"]: row for row in rows_of(workspace)}
    assert list(rows) == urls
    assert {rows[url]["status"] for url in fine} == {"ok"}
    left_out = [url for url in dead if rows[url]["reason"] == LEFT_OUT]
    assert {rows[url]["status"] for url in left_out} == {"unreachable"}
    # At most 16 requests are under way when the host is given up, and some more during the network check.
    assert 50 <= len(left_out) <= 75
    assert not set(left_out) & set(web.requests)
    assert run.log.count(GIVEN_UP) == 1


def test_only_host_of_images_is_given_up_while_its_source_answers(workspace):
    dead = of_dead_host(60)
    web, log = crawl_many(workspace, dead, dict.fromkeys(dead, hang_up))
    rows = rows_of(workspace)
    assert {row["status"] for row in rows} == {"unreachable"}
    assert LEFT_OUT in {row["reason"] for row in rows}
    assert GIVEN_UP in log
    assert len(web.requests[openverse.ROBOTS_URL]) == 1


def test_dead_hosts_of_single_images_do_not_stop_the_crawl(workspace):
    dead = [f"http://dead{number}.test/1.jpg" for number in range(60)]
    fine = [image(str(number)) for number in range(5)]
    robots = {f"{url.removesuffix('1.jpg')}robots.txt": hang_up for url in dead}
    web, log = crawl_many(workspace, [*dead, *fine], robots)
    found = {row["image_url"]: row["status"] for row in rows_of(workspace)}
    assert found == dict.fromkeys(dead, "refused") | dict.fromkeys(fine, "ok")
    assert len(web.requests.get(openverse.ROBOTS_URL, [])) <= 2
    assert "given up" not in log


def test_lost_network_stops_a_crawl_of_many_hosts(workspace):
    hosts = [f"http://host{number}.test/" for number in range(60)]
    urls = [f"{host}1.jpg" for host in hosts]
    workspace.write_params(LIVE | MANY)
    lost = dict.fromkeys([*(f"{host}robots.txt" for host in hosts), openverse.ROBOTS_URL], hang_up)
    online = {**found_by(urls, []), **dict.fromkeys(urls, give(200, JPEG))}
    with running_odd_web(lambda _: online | lost) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 1
    assert "The crawl stopped: 25 images in a row could not be reached" in run.log
    assert "Traceback" not in run.log
    with running_odd_web(lambda _: online) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    assert {row["status"] for row in rows_of(workspace)} == {"ok"}


def test_name_that_resolves_to_this_machine_is_refused(workspace):
    workspace.write_params(LIVE | {"crawl.delay_s": 0})
    no_proxy = {"http_proxy": "", "HTTP_PROXY": "", "all_proxy": "", "ALL_PROXY": ""}
    with running_odd_web(lambda _: {}) as web:
        port = web.proxy.rpartition(":")[2]
        hosts = ["localhost", "localhost.", TREACHEROUS, f"{TREACHEROUS}.", "127.1", "0x7f000001", "127.1."]
        run = workspace.run(DIRECTLY, *(f"http://{host}:{port}/a.jpg" for host in hosts), **no_proxy)
    assert run.code == 0, run.log
    downloads = json.loads(run.output)
    assert [(each["status"], each["reason"]) for each in downloads] == [
        ("refused", "not an address of the public web")
    ] * len(hosts)
    assert web.requests == {}
