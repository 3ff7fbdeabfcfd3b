"""The messages of a crawl in several processes, and the parts of its budget."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from demo_web_params import demo_params

from crawlers import settings, sharded_crawl
from crawlers.items import Download, Search, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.sharded_crawl import (
    check_shareable,
    completion,
    download,
    merge,
    read_lists,
    searches_of,
    shard_bytes,
    shard_folder,
    write_list,
)
from crawlers.shards import by_shard, shard_of
from herodex import cli
from herodex.errors import UserError
from herodex.params import Params

LIVE = {"web": "live", "contact": "me@example.org", "accepted_terms": ["openverse", "commons"]}
URLS = [f"http://host-{number}.test/{number}.jpg" for number in range(12)]
SHARDS = sorted({shard_of(url, 64) for url in URLS})


def live_params(**crawl: Any) -> Params:
    values = demo_params().model_dump()
    values["crawl"] |= LIVE | crawl
    return Params.model_validate(values)


def search_for(query: str, source: str, urls: list[str]) -> Search:
    results = [
        SearchResult(query, source, rank, url, "", "", "", "", "") for rank, url in enumerate(urls, start=1)
    ]
    return Search(source, query, tuple(results))


def write_searches(params: Params, urls: list[str]) -> None:
    """Write the lists of both sources; openverse finds all of `urls` for the first query."""
    for source in ("openverse", "commons"):
        with open_journal(searches_of(source, params), on_volume=True) as journal:
            found = urls if source == "openverse" else []
            write_list(params, source, [search_for(params.queries[0], source, found)], journal)


def write_shards(params: Params, status: Status = Status.OK) -> None:
    """Write the journals of all shards, as if they were downloaded with `params`."""
    results = [result for search in read_lists(params).searches.values() for result in search.results]
    for number, part in by_shard(results, params.scale.crawl_shards).items():
        with open_journal(shard_folder(number, params), on_volume=True) as journal:
            for result in part:
                if status is Status.OK:
                    journal.keep_image(result.image_url, b"an image", "jpg")
                else:
                    journal.keep_download(Download(result.image_url, status, "no"))
            journal.keep_note("complete with", json.dumps(completion(params, part)))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The params of a live crawl in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return live_params()


def error_of_merge(params: Params) -> UserError:
    with pytest.raises(UserError) as caught:
        merge(params, nullcontext)
    return caught.value


@pytest.mark.parametrize("numbers", [[0], list(range(64))])
def test_missing_searches_are_an_error_that_names_the_source_and_the_command(project, numbers):
    with pytest.raises(UserError, match="The searches of openverse are missing") as caught:
        download(project, numbers, nullcontext)
    assert "herodex crawl --search openverse" in caught.value.hint
    assert "openverse are missing" in error_of_merge(project).problem


def test_searches_with_other_settings_are_an_error_that_names_them(project):
    write_searches(project, URLS)
    changed = live_params(max_image_mb=1, images=project.crawl.images.model_dump() | {"min_side": 7})
    error = error_of_merge(changed)
    assert (
        "openverse were made with other settings: crawl.images.min_side, crawl.max_image_mb" in error.problem
    )
    assert "herodex crawl --search openverse" in error.hint


def test_politeness_and_budgets_may_change_between_the_processes(project):
    write_searches(project, URLS)
    assert read_lists(live_params(delay_s=9, retries=0, max_minutes=1, max_total_mb=1)).searches


def test_missing_shards_are_an_error_that_names_them_and_the_command(project):
    write_searches(project, URLS)
    write_shards(project)
    for number in SHARDS[1:3]:
        (shard_folder(number, project) / "crawl.db").unlink()
    error = error_of_merge(project)
    assert error.problem.startswith("2 shards are missing or unfinished: ")
    assert all(str(number) in error.problem for number in SHARDS[1:3])
    assert "herodex crawl --shard " in error.hint


def test_unfinished_shard_is_an_error_that_names_it_and_the_command(project):
    write_searches(project, URLS)
    write_shards(project)
    with open_journal(shard_folder(SHARDS[0], project)) as journal:
        journal.keep_note("complete with", "")
    error = error_of_merge(project)
    assert error.problem == f"1 shard is missing or unfinished: {SHARDS[0]}/64."
    assert f"herodex crawl --shard {SHARDS[0]}/64" in error.hint


def test_running_shard_is_an_error(project):
    write_searches(project, URLS)
    write_shards(project)
    with open_journal(shard_folder(SHARDS[0], project)):
        assert error_of_merge(project).problem == "Shard 2/64 is still being crawled."


def test_shards_with_other_settings_are_an_error_that_names_them(project):
    write_searches(project, URLS)
    write_shards(project)
    changed = live_params(max_image_mb=1)
    write_searches(changed, URLS)
    error = error_of_merge(changed)
    assert f"Shard {SHARDS[0]} was downloaded with other settings: crawl.max_image_mb" in error.problem
    assert f"herodex crawl --shard {SHARDS[0]}/64" in error.hint


def test_shard_with_other_search_results_is_an_error(project):
    write_searches(project, URLS)
    write_shards(project)
    write_searches(project, [*URLS, URLS[0].replace("0.jpg", "new.jpg")])
    error = error_of_merge(project)
    number = shard_of(URLS[0], 64)
    assert error.problem == f"Shard {number} was downloaded with other search results."
    assert f"herodex crawl --shard {number}/64" in error.hint


def test_query_without_images_reopens_the_shards_that_failed(project):
    write_searches(project, URLS)
    write_shards(project, Status.TIMEOUT)
    error = error_of_merge(project)
    assert f"{project.queries[0]}: 12 timeout" in error.problem
    assert "herodex crawl --shard " in error.hint
    assert "shards are missing or unfinished" in error_of_merge(project).problem


def test_parts_of_the_budget_add_up_to_what_the_searches_left(project):
    write_searches(project, URLS)
    lists = read_lists(project)
    parts = by_shard([result for search in lists.searches.values() for result in search.results], 64)
    shares = [shard_bytes(project, lists, len(part), parts) for part in parts.values()]
    assert sum(shares) == pytest.approx(project.crawl.max_total_mb * 1e6 - lists.size)
    assert max(shares) / min(shares) == pytest.approx(
        max(map(len, parts.values())) / min(map(len, parts.values()))
    )


def test_folder_that_is_read_directly_has_no_shards(tmp_path):
    images = demo_params().crawl.images.model_dump() | {"sources": ["folder"]}
    with pytest.raises(UserError, match="one process reads"):
        check_shareable(live_params(web=str(tmp_path), images=images))


def test_live_web_needs_consent(monkeypatch):
    monkeypatch.delenv("HERODEX_LIVE", raising=False)
    with pytest.raises(UserError, match="HERODEX_LIVE is not 1"):
        check_shareable(live_params())
    monkeypatch.setenv("HERODEX_LIVE", "1")
    check_shareable(live_params())


def test_delay_is_a_minimum():
    assert settings.DOWNLOAD_DELAY_JITTER == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["--search"], {}, ([], None)),
        (["--search", "commons"], {}, (["commons"], None)),
        (["--shard", "0-31/64"], {}, (None, "0-31/64")),
        (["--shard"], {"JOB_COMPLETION_INDEX": "7"}, (None, "7/64")),
        (["--merge"], {}, (None, None)),
    ],
)
def test_command_runs_its_part(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: Mapping[str, str],
    expected: tuple[object, object],
) -> None:
    asked: list[tuple[object, object]] = []
    monkeypatch.setattr(sharded_crawl, "main", lambda *parts: asked.append(parts))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cli.crawl(cli.parse(["crawl", *arguments]))
    assert asked == [expected]


def test_shard_without_a_number_is_an_error_outside_of_a_job(monkeypatch):
    monkeypatch.delenv("JOB_COMPLETION_INDEX", raising=False)
    with pytest.raises(UserError, match="JOB_COMPLETION_INDEX is not set"):
        cli.crawl(cli.parse(["crawl", "--shard"]))
