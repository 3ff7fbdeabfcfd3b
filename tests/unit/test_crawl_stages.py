from collections import Counter

import pytest
from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
)

from crawlers.items import Status
from crawlers.pipelines.failures import NotKept, not_kept
from crawlers.run import check_web, spider_settings
from crawlers.scrape_images import check_counts, check_folder
from crawlers.staging import staged_folder
from herodex.errors import UserError
from herodex.params import load_params


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (IgnoreRequest("Forbidden by robots.txt"), "refused"),
        (NotSupported("Unsupported URL scheme"), "refused"),
        (DownloadTimeoutError(), "timeout"),
        (ResponseDataLossError(), "truncated"),
        (DownloadCancelledError(), "too_large"),
        (DownloadFailedError(), "unreachable"),
        (NotKept(Status.HTTP_ERROR, "404 Not Found"), "http_error"),
    ],
)
def test_each_failure_of_a_download_has_its_status_and_a_reason(error, status):
    outcome = not_kept(error)
    assert outcome.status == status
    assert outcome.reason


def test_the_embedded_web_and_a_folder_can_be_crawled(tmp_path):
    check_web("demo")
    check_web(str(tmp_path))


@pytest.mark.parametrize(
    ("web", "clue"), [("live", "the live web"), ("/no/such/folder", "neither 'demo' nor a folder")]
)
def test_another_web_is_refused_with_what_can_be_crawled(web, clue):
    with pytest.raises(UserError, match=clue) as caught:
        check_web(web)
    assert "demo" in caught.value.hint
    assert "folder" in caught.value.hint


def test_missing_sub_folders_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    with pytest.raises(UserError, match="no sub-folder for gone, away") as caught:
        check_folder(tmp_path, ["here", "gone", "away"])
    assert str(tmp_path) in caught.value.problem


def test_queries_without_a_kept_picture_are_named_with_what_became_of_their_results():
    counts = {
        "full": Counter({Status.OK: 1}),
        "failed": Counter({Status.TIMEOUT: 2, Status.HTTP_ERROR: 3}),
        "empty": Counter[Status](),
    }
    with pytest.raises(UserError) as caught:
        check_counts(counts)
    assert "failed: 3 http_error, 2 timeout" in caught.value.problem
    assert "empty: no results" in caught.value.problem
    assert "full" not in caught.value.problem


def test_params_reach_scrapy():
    crawl = load_params().crawl.model_copy(update={"max_image_mb": 0.5, "retries": 7, "timeout_s": 4.5})
    settings = spider_settings(crawl, "http://127.0.0.1:9")
    assert settings["DOWNLOAD_MAXSIZE"] == 500_000
    assert settings["RETRY_TIMES"] == 7
    assert settings["DOWNLOAD_TIMEOUT"] == 4.5
    assert settings["USER_AGENT"] == crawl.user_agent
    assert settings["EMBEDDED_WEB_PROXY"] == "http://127.0.0.1:9"


def test_a_staged_folder_takes_the_place_of_the_old_one(tmp_path):
    target = tmp_path / "out" / "raw"
    for content in ("first", "second"):
        with staged_folder(target) as folder:
            (folder / content).write_text(content, encoding="utf-8")
    assert [path.name for path in target.iterdir()] == ["second"]
    assert [path.name for path in target.parent.iterdir()] == ["raw"]


def test_a_failure_leaves_the_old_folder_and_nothing_else(tmp_path):
    target = tmp_path / "raw"
    with staged_folder(target) as folder:
        (folder / "first").touch()

    def fail():
        with staged_folder(target) as folder:
            (folder / "second").touch()
            raise UserError("It failed.", "Try again.")

    with pytest.raises(UserError):
        fail()
    assert [path.name for path in target.iterdir()] == ["first"]
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_the_leftovers_of_a_killed_crawl_are_not_mixed_in(tmp_path):
    left = tmp_path / "raw.part"
    left.mkdir()
    (left / "half a picture").touch()
    with staged_folder(tmp_path / "raw") as folder:
        assert list(folder.iterdir()) == []
