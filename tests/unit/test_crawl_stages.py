import sqlite3
from collections import Counter
from typing import Any

import pytest
from demo_web_params import demo_params
from scrapy.exceptions import (
    CloseSpider,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
)

from crawlers.failures import explain_failure, status_words
from crawlers.folder import check_folder
from crawlers.items import Search, Status
from crawlers.middlewares.budget import BudgetSpent
from crawlers.middlewares.public_web import NotPublic
from crawlers.run import spider_settings
from crawlers.scrape_images import check_counts
from crawlers.staging import staged_folder
from crawlers.web import check_web, may_crawl_live
from herodex import paths
from herodex.errors import UserError
from herodex.params import Params


def params_with(crawl: dict[str, Any], **others: Any) -> Params:
    values = demo_params().model_dump() | others
    values["crawl"] |= crawl
    return Params.model_validate(values)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (IgnoreRequest("Forbidden by robots.txt"), "refused"),
        (IgnoreRequest("max redirections reached"), "http_error"),
        (NotPublic(), "refused"),
        (BudgetSpent(), "over_budget"),
        (NotSupported("Unsupported URL scheme"), "refused"),
        (DownloadTimeoutError(), "timeout"),
        (ResponseDataLossError(), "truncated"),
        (DownloadCancelledError(), "too_large"),
        (DownloadFailedError(), "unreachable"),
    ],
)
def test_failed_request_has_a_status_and_a_reason(error, status):
    found, reason = explain_failure(error)
    assert found == status
    assert reason


def test_program_error_is_raised_again():
    with pytest.raises(AttributeError):
        explain_failure(AttributeError("a mistake"))


def test_unwritable_journal_closes_the_spider():
    with pytest.raises(CloseSpider) as caught:
        explain_failure(sqlite3.OperationalError("database or disk is full"))
    assert caught.value.reason == "the journal could not be written: database or disk is full"


@pytest.mark.parametrize(
    ("code", "words"), [(404, "404 Not Found"), (429, "429 Too Many Requests"), (599, "599")]
)
def test_http_status_has_its_phrase(code, words):
    assert status_words(code) == words


def test_demo_web_folder_and_live_web_are_accepted(tmp_path):
    check_web(demo_params())
    check_web(params_with({"web": str(tmp_path)}))
    check_web(params_with({"web": "live", "contact": "mailto:me@example.org"}))


def test_unknown_web_is_an_error_that_lists_the_choices():
    with pytest.raises(UserError, match="neither 'demo' nor 'live' nor a folder") as caught:
        check_web(params_with({"web": "/no/such/folder"}))
    assert "folder" in caught.value.hint


@pytest.mark.parametrize("place", ["tmpab12", "standalone/tmpab12"])
def test_folder_that_an_experiment_does_not_copy_is_an_error_that_names_its_path(
    tmp_path, monkeypatch, place
):
    (tmp_path / "data/own_images").mkdir(parents=True)
    experiment = tmp_path / ".dvc/tmp/exps" / place
    experiment.mkdir(parents=True)
    monkeypatch.chdir(experiment)
    monkeypatch.setattr(paths, "PROJECT", paths.project_folder(experiment))
    with pytest.raises(UserError, match="does not copy") as caught:
        check_web(params_with({"web": "data/own_images"}))
    assert str(tmp_path / "data/own_images") in caught.value.hint
    check_web(params_with({"web": str(tmp_path / "data/own_images")}))
    with pytest.raises(UserError, match="neither 'demo' nor 'live' nor a folder"):
        check_web(params_with({"web": "data/other"}))


@pytest.mark.parametrize(("value", "allowed"), [(None, False), ("", False), ("0", False), ("1", True)])
def test_live_web_needs_consent_in_the_environment(monkeypatch, value, allowed):
    monkeypatch.delenv("HERODEX_LIVE", raising=False)
    if value is not None:
        monkeypatch.setenv("HERODEX_LIVE", value)
    assert may_crawl_live() == allowed


def test_missing_sub_folders_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    with pytest.raises(UserError, match="no sub-folder for missing, absent") as caught:
        check_folder(params_with({"web": str(tmp_path)}, classes=["here", "missing"], distractors=["absent"]))
    assert str(tmp_path) in caught.value.problem


def test_queries_without_images_are_named_with_their_statuses():
    counts = {
        "full": Counter({Status.OK: 1}),
        "failed": Counter({Status.TIMEOUT: 2, Status.HTTP_ERROR: 3}),
        "empty": Counter[Status](),
        "unasked": Counter[Status](),
    }
    with pytest.raises(UserError) as caught:
        check_counts(counts, [Search("commons", "unasked", error="it is down"), Search("commons", "full")])
    assert "failed: 3 http_error, 2 timeout" in caught.value.problem
    assert "empty: no results" in caught.value.problem
    assert "unasked: the search of commons failed: it is down" in caught.value.problem
    assert "full" not in caught.value.problem


def test_params_become_scrapy_settings():
    changes = {"max_image_mb": 0.5, "retries": 7, "timeout_s": 4.5, "max_minutes": 2, "max_total_mb": 3}
    settings = spider_settings(
        params_with({**changes, "contact": "mailto:me@a.test"}).crawl, "http://127.0.0.1:9"
    )
    assert settings["DOWNLOAD_MAXSIZE"] == 500_000
    assert settings["RETRY_TIMES"] == 7
    assert settings["DOWNLOAD_TIMEOUT"] == 4.5
    assert settings["CRAWL_MAX_S"] == 120
    assert settings["CRAWL_MAX_BYTES"] == 3_000_000
    assert settings["USER_AGENT"] == "herodex/0.1 (+mailto:me@a.test)"
    assert settings["DEMO_WEB_PROXY"] == "http://127.0.0.1:9"


def test_live_web_is_crawled_slowly_at_public_addresses_only():
    settings = spider_settings(params_with({"web": "live", "delay_s": 2, "per_host": 1}).crawl, None)
    assert settings["DOWNLOAD_DELAY"] == 2
    assert settings["CONCURRENT_REQUESTS_PER_DOMAIN"] == 1
    assert settings["PUBLIC_WEB_ONLY"]
    assert settings["TWISTED_DNS_RESOLVER"] == "crawlers.middlewares.public_web.PublicResolver"
    assert "AUTOTHROTTLE_ENABLED" not in settings
    assert "DEMO_WEB_PROXY" not in settings


def test_staged_folder_replaces_the_old_one(tmp_path):
    target = tmp_path / "out" / "raw"
    for content in ("first", "second"):
        with staged_folder(target) as folder:
            (folder / content).write_text(content, encoding="utf-8")
    assert [path.name for path in target.iterdir()] == ["second"]
    assert [path.name for path in target.parent.iterdir()] == ["raw"]


def test_failure_leaves_only_the_old_folder(tmp_path):
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


def test_leftovers_of_a_killed_crawl_are_removed(tmp_path):
    left = tmp_path / "raw.part"
    left.mkdir()
    (left / "half an image").touch()
    with staged_folder(tmp_path / "raw") as folder:
        assert list(folder.iterdir()) == []
