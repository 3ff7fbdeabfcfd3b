"""The image crawl on webs with faults that the demo web does not have."""

import csv
import signal
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

import pytest
from crawl_through import THROUGH
from odd_web import (
    Answer,
    OddWeb,
    give,
    hang_up,
    in_turn,
    result,
    running_odd_web,
    search_page,
    stream,
)
from processes import descendants, is_alive, send_signal
from workspace import Workspace

JPEG = b"\xff\xd8\xff\xe0 an image as far as its first bytes go"
LARGE = JPEG + bytes(20_000)


def search(query: str) -> str:
    return f"http://search.herodex.test/search?q={quote(query)}"


def image(name: str) -> str:
    return f"http://images.test/{name}"


def rows_of(workspace: Workspace) -> list[dict[str, str]]:
    with (workspace.folder / "crawled" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Wait for `condition`; return whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


IMAGES: list[tuple[str, str, str]] = [
    # name, status, reason
    ("fine.jpg", "ok", ""),
    ("busy.jpg", "ok", ""),
    ("moved.jpg", "ok", ""),
    ("fine.jpg", "ok", ""),
    ("broken.jpg", "http_error", "500 Internal Server Error"),
    ("astray.jpg", "http_error", "302 Found"),
    ("never.jpg", "timeout", "no complete answer in time"),
    ("large.jpg", "too_large", "larger than crawl.max_image_mb"),
    ("endless.jpg", "too_large", "larger than crawl.max_image_mb"),
    ("mute.jpg", "unreachable", "no connection (DownloadFailedError)"),
    ("empty.jpg", "not_an_image", "not in a known image format"),
]
ELSEWHERE = [
    "file:///etc/passwd",
    "ftp://images.test/a.jpg",
    "data:image/png;base64,AAAA",
    "http://[",
    "no address",
]


ON_A_SMALL_DISK = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000_000, 8_000_000))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MALFORMED = ["no JSON", '{"page": "a result without an image"}', "[]"]


@pytest.fixture(scope="module")
def misbehaviour(workspace_factory: Callable[[], Workspace]) -> tuple[Workspace, OddWeb, str]:
    """One crawl of all faults: the workspace, the web with its requests, and the log."""
    workspace = workspace_factory()
    workspace.write_params(
        {
            "classes": ["one", "two"],
            "distractors": [],
            "crawl.images.per_query": 50,
            "crawl.user_agent": "a crawler of this test",
            "crawl.timeout_s": 2,
            "crawl.retries": 1,
            "crawl.max_image_mb": 0.01,
        }
    )

    def answers(web: OddWeb) -> Mapping[str, Answer]:
        return {
            search("one"): search_page(
                [
                    *(result(image(name), title="A\n\ttitle \ud800 \0") for name, _, _ in IMAGES),
                    *map(result, ELSEWHERE),
                    *MALFORMED,
                ]
            ),
            search("two"): search_page([result(image("fine.jpg"))]),
            image("fine.jpg"): give(200, JPEG),
            image("busy.jpg"): in_turn(give(429, b"", {"Retry-After": "1"}), give(200, JPEG)),
            image("moved.jpg"): give(301, b"", {"Location": image("fine.jpg")}),
            image("broken.jpg"): give(500, b""),
            image("astray.jpg"): give(302, b"", {"Location": "file:///etc/passwd"}),
            image("never.jpg"): web.hang,
            image("large.jpg"): give(200, LARGE),
            image("endless.jpg"): stream(LARGE),
            image("mute.jpg"): hang_up,
            image("empty.jpg"): give(200, b""),
        }

    with running_odd_web(answers) as web:
        done = workspace.run(THROUGH, "images", web.proxy)
    assert done.code == 0, done.log
    return workspace, web, done.log


@pytest.mark.parametrize(("place", "expected"), list(enumerate(IMAGES)), ids=[name for name, _, _ in IMAGES])
def test_odd_answer_has_its_status_and_reason(misbehaviour, place, expected):
    row = rows_of(misbehaviour[0])[place]
    assert (row["image_url"], row["status"], row["reason"]) == (image(expected[0]), *expected[1:])
    assert bool(row["file"]) == bool(row["sha256"]) == (expected[1] == "ok")


def test_non_web_url_is_refused_and_never_read(misbehaviour):
    rows = rows_of(misbehaviour[0])[len(IMAGES) : len(IMAGES) + len(ELSEWHERE)]
    assert [(row["image_url"], row["status"], row["file"]) for row in rows] == [
        (address, "refused", "") for address in ELSEWHERE
    ]


def test_malformed_result_is_logged_and_skipped(misbehaviour):
    workspace, _, log = misbehaviour
    rows = [row for row in rows_of(workspace) if row["query"] == "one"]
    assert len(rows) == len(IMAGES) + len(ELSEWHERE)
    for rank in range(len(rows) + 1, len(rows) + 1 + len(MALFORMED)):
        assert f"one: result {rank} is malformed" in log


def test_page_text_is_kept_in_one_printable_line(misbehaviour):
    assert rows_of(misbehaviour[0])[0]["title"] == "A title"


def test_retry_waits_for_retry_after(misbehaviour):
    first, second = misbehaviour[1].requests[image("busy.jpg")]
    assert second - first >= 1


def test_retry_after_pauses_the_whole_host(misbehaviour):
    requests = misbehaviour[1].requests
    asked, again = requests[image("busy.jpg")]
    others = [time for url, times in requests.items() if "//images.test/" in url for time in times]
    assert not [time for time in others if asked < time < min(again, asked + 1)]


def test_url_of_several_results_is_fetched_once_and_kept_for_both_queries(misbehaviour):
    workspace, web, _ = misbehaviour
    # The second request is that of the image that redirects to it.
    assert len(web.requests[image("fine.jpg")]) == 2
    rows = [row for row in rows_of(workspace) if row["image_url"] == image("fine.jpg")]
    assert [(row["query"], row["file"].split("/")[0]) for row in rows] == [
        ("one", "one"),
        ("one", "one"),
        ("two", "two"),
    ]
    files = workspace.tree("crawled")
    assert {files[row["file"]] for row in rows} == {JPEG}


def test_scrapy_and_the_browser_send_the_configured_user_agent(misbehaviour):
    user_agents = misbehaviour[1].user_agents
    for url in ("http://search.herodex.test/robots.txt", search("one"), image("fine.jpg")):
        assert user_agents[url] == {"a crawler of this test"}


def test_failed_request_is_retried_as_configured(misbehaviour):
    requests = misbehaviour[1].requests
    assert [len(requests[image(name)]) for name in ("broken.jpg", "never.jpg")] == [2, 2]


def test_slow_robots_txt_applies_to_all_waiting_requests(workspace):
    workspace.write_params({"classes": ["one", "two"], "distractors": []})
    private = [f"http://slow.test/{number}.jpg" for number in range(10)]
    last_request_came = threading.Event()

    def slow_robots(handler: BaseHTTPRequestHandler) -> None:
        last_request_came.wait(20)
        give(200, b"User-agent: *\nDisallow: /\n")(handler)

    def last(handler: BaseHTTPRequestHandler) -> None:
        last_request_came.set()
        give(200, JPEG)(handler)

    answers: dict[str, Answer] = {
        search("one"): search_page([*map(result, private), result(image("last.jpg"))]),
        search("two"): search_page([]),
        "http://slow.test/robots.txt": slow_robots,
        image("last.jpg"): last,
        **dict.fromkeys(private, give(200, JPEG)),
    }
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy, "32")
    assert run.code == 0, run.log
    assert [row["status"] for row in rows_of(workspace)] == [*["refused"] * len(private), "ok"]
    assert not set(private) & set(web.requests)


def test_host_with_unreadable_robots_txt_is_not_crawled(workspace):
    workspace.write_params({"classes": ["one", "two"], "distractors": [], "crawl.retries": 1})
    hosts = {"broken": give(500, b""), "mute": hang_up, "without": give(404, b"no such page")}
    answers: dict[str, Answer] = {
        search("one"): search_page([result(f"http://{host}.test/1.jpg") for host in hosts]),
        search("two"): search_page([]),
        **{f"http://{host}.test/robots.txt": answer for host, answer in hosts.items()},
        **dict.fromkeys([f"http://{host}.test/1.jpg" for host in hosts], give(200, JPEG)),
    }
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run(THROUGH, "images", web.proxy)
    assert run.code == 0, run.log
    unreadable = ("refused", "the host's robots.txt cannot be read")
    assert [(row["status"], row["reason"]) for row in rows_of(workspace)] == [unreadable] * 2 + [("ok", "")]
    assert not {"http://broken.test/1.jpg", "http://mute.test/1.jpg"} & set(web.requests)
    assert "Traceback" not in run.log


def test_hanging_page_ends_only_its_own_search(workspace):
    workspace.write_params(
        {"classes": ["one", "two"], "distractors": [], "crawl.timeout_s": 1, "crawl.retries": 0}
    )
    answers = {
        search("one"): search_page([result(image("a.jpg"))], ended=False),
        search("two"): search_page([result(image("b.jpg"))]),
        image("b.jpg"): give(200, JPEG),
    }
    with running_odd_web(lambda _: answers) as web:
        done = workspace.run(THROUGH, "images", web.proxy)
    assert done.code == 0, done.log
    assert "the search for 'one' failed: the page or the browser hangs after 1 of 100 results" in done.log
    assert "Traceback" not in done.log
    assert [(row["query"], row["status"]) for row in rows_of(workspace)] == [("two", "ok")]


def test_page_that_hangs_once_is_retried_in_a_new_browser(workspace):
    workspace.write_params(
        {"classes": ["one", "two"], "distractors": [], "crawl.timeout_s": 1, "crawl.retries": 1}
    )
    page = search_page([result(image("a.jpg"))])

    def answers(web: OddWeb) -> Mapping[str, Answer]:
        return {
            search("one"): in_turn(search_page([], ended=False), page),
            search("two"): page,
            image("a.jpg"): give(200, JPEG),
        }

    with running_odd_web(answers) as web:
        done = workspace.run(THROUGH, "images", web.proxy)
    assert done.code == 0, done.log
    assert [row["query"] for row in rows_of(workspace)] == ["one", "two"]


def test_unstorable_image_ends_the_crawl_with_a_message(workspace):
    workspace.write_params({"classes": ["one", "two"], "distractors": []})
    page = search_page([result(image("a.jpg")), result(image("b.jpg"))])
    huge = give(200, JPEG + bytes(9_000_000))
    answers = {search("one"): page, search("two"): page, image("a.jpg"): huge, image("b.jpg"): huge}
    with running_odd_web(lambda _: answers) as web:
        run = workspace.run("-c", ON_A_SMALL_DISK, THROUGH, "images", web.proxy)
    assert run.code == 1
    assert "The crawl stopped: an image could not be stored: File too large." in run.log
    assert "Traceback" not in run.log


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ("browser killed", 0, "the search for 'one' failed"),
        ("driver killed", 0, "the search for 'one' failed"),
        ("interrupted", 1, "The crawl was interrupted."),
        ("interrupted twice", 1, "The crawl was interrupted."),
        ("killed", -signal.SIGKILL, ""),
    ],
)
def test_browser_leaves_no_process_and_no_file(workspace, tmp_path_factory, end, code, message):
    workspace.write_params(
        {"classes": ["one", "two"], "distractors": [], "crawl.timeout_s": 2, "crawl.retries": 0}
    )
    scratch = tmp_path_factory.mktemp("scratch")
    with (
        running_odd_web(lambda _: {search("one"): search_page([], ended=False)}) as web,
        workspace.start(THROUGH, "images", web.proxy, TMPDIR=str(scratch)) as crawl,
    ):
        assert wait_until(lambda: search("one") in web.requests)
        started = descendants(crawl.pid)
        browser = next(pid for pid, command in started.items() if "--user-data-dir" in " ".join(command))
        driver = next(pid for pid, command in started.items() if "chromedriver" in " ".join(command))
        match end:
            case "browser killed":
                send_signal(browser, signal.SIGKILL)
            case "driver killed":
                send_signal(driver, signal.SIGKILL)
            case "interrupted":
                crawl.send_signal(signal.SIGINT)
            case "interrupted twice":
                crawl.send_signal(signal.SIGINT)
                crawl.send_signal(signal.SIGINT)
            case _:
                crawl.kill()
        _, log = crawl.communicate(timeout=60)
    assert crawl.returncode == code
    assert message in log
    assert "Traceback" not in log
    assert wait_until(lambda: not any(map(is_alive, started)))
    assert wait_until(lambda: not list(scratch.iterdir()))
