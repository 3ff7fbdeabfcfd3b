"""Withdrawn sources in the crawl's tables: left out, counted, and removed from a live snapshot."""

import hashlib
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from demo_web_params import demo_params

from crawlers import scrape_images, snapshot
from crawlers.folder import read_folder
from crawlers.forgotten import clear_rows, clear_search, settings_identity, withdraw_images
from crawlers.items import ImageRecord, Search, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.manifest import read_images
from crawlers.snapshot import image_settings, keep_snapshot, record_snapshot
from crawlers.sources_report import sources_report
from crawlers.table import write_table
from herodex import paths
from herodex.errors import UserError
from herodex.forgotten_list import AUTHOR, HOST, IMAGE, NOTHING, ForgottenList, add_forgotten, value_hash
from herodex.params import Params, load_params
from scripts.prove import change_params

PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = {"classes": ["one"]}


def result(rank: int, host: str, author: str) -> SearchResult:
    return SearchResult(
        "one",
        "commons",
        rank,
        f"https://{host}/{rank}.jpg",
        f"https://{host}/{rank}",
        "A title",
        author,
        "CC0",
        "",
    )


RESULTS = (result(1, "a.test", "Ann"), result(2, "b.test", "Bo"), result(3, "a.test", "Cy"))


def row(found: SearchResult) -> ImageRecord:
    digest = hashlib.sha256(found.image_url.encode()).hexdigest()
    return ImageRecord(
        **asdict(found), status=Status.OK, sha256=digest, file=f"one/{digest}.jpg", label="one"
    )


def of_host(host: str) -> ForgottenList:
    return ForgottenList({value_hash(HOST, host): HOST})


def test_results_of_a_withdrawn_host_are_left_out_and_counted():
    search = clear_search(Search("commons", "one", RESULTS), of_host("a.test"))
    assert (search.results, search.forgotten) == (RESULTS[1:2], 2)


def test_images_with_withdrawn_bytes_are_left_out_and_counted():
    records = [row(RESULTS[0]), replace(row(RESULTS[1]), status=Status.FORGOTTEN), row(RESULTS[2])]
    listed = ForgottenList({records[2].sha256: IMAGE})
    searches, kept = clear_rows([Search("commons", "one", RESULTS, forgotten=1)], records, listed)
    assert kept == records[:1]
    assert searches[0].forgotten == 3
    assert "- commons, one: 3 results of withdrawn sources" in sources_report(kept, searches)


def test_empty_list_changes_nothing():
    searches, records = [Search("commons", "one", RESULTS)], [row(each) for each in RESULTS]
    assert clear_rows(searches, records, NOTHING) == (searches, records)
    assert settings_identity(NOTHING) == []
    assert settings_identity(of_host("a.test")) != settings_identity(of_host("b.test"))


@pytest.fixture
def crawled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[ImageRecord]:
    """The rows of a live snapshot in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(snapshot, "RECORDS", tmp_path / "records")
    records = [row(each) for each in RESULTS]
    for record in records:
        file = paths.RAW_IMAGES / record.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(record.image_url.encode())
    write_table(paths.RAW_IMAGES / paths.MANIFEST, ImageRecord, records)
    paths.REPORTS.mkdir()
    searches = [Search("commons", "one", RESULTS, unwanted=4)]
    paths.SOURCES.write_text(sources_report(records, searches), encoding="utf-8")
    record_snapshot("scrape_images", SETTINGS, (paths.RAW_IMAGES, paths.SOURCES))
    return records


def test_withdrawal_leaves_a_valid_snapshot_with_the_report_of_the_others(crawled):
    outputs = (paths.RAW_IMAGES, paths.SOURCES)
    assert withdraw_images("scrape_images", of_host("a.test")) == 2
    assert read_images(paths.RAW_IMAGES / paths.MANIFEST) == [crawled[1]]
    assert [file.name for file in paths.RAW_IMAGES.rglob("*.jpg")] == [Path(crawled[1].file).name]
    cleared = Search("commons", "one", RESULTS[1:2], unwanted=4)
    report = sources_report([crawled[1]], [cleared])
    counted = "- commons, one: 2 results of withdrawn sources\n"
    assert paths.SOURCES.read_text(encoding="utf-8") == report.replace("\n\n## Attr", f"\n{counted}\n## Attr")
    keep_snapshot("scrape_images", SETTINGS, outputs)
    assert withdraw_images("scrape_images", of_host("a.test")) == 0


def test_withdrawal_makes_no_snapshot_of_other_data(crawled):
    (paths.RAW_IMAGES / crawled[0].file).write_bytes(b"changed by hand")
    assert withdraw_images("scrape_images", of_host("a.test")) == 2
    with pytest.raises(UserError, match="is not from a live crawl"):
        keep_snapshot("scrape_images", SETTINGS, (paths.RAW_IMAGES, paths.SOURCES))


def test_withdrawn_file_of_a_folder_is_not_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = demo_params().model_dump() | {"classes": ["one", "two"], "distractors": []}
    values["crawl"] |= {"web": "own"}
    values["crawl"]["images"] |= {"sources": ["folder"]}
    jpeg = b"\xff\xd8\xff\xe0 an image as far as its first bytes go "
    for name in ("one/1.jpg", "one/2.jpg", "two/1.jpg"):
        (tmp_path / "own" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "own" / name).write_bytes(jpeg + name.encode())
    gone = hashlib.sha256(jpeg + b"one/2.jpg").hexdigest()
    add_forgotten(paths.FORGOTTEN, [gone], AUTHOR, "2026-11-28")
    with open_journal(tmp_path / "state") as journal:
        folders, rows = read_folder(Params.model_validate(values), journal, {})
        assert not list(journal.images.glob(f"{gone}*"))
    assert [each.image_url for each in rows] == ["one/1.jpg", "two/1.jpg"]
    assert [each.unread for each in folders] == [
        {"withdrawn: data/forgotten.csv has its content; delete the file": ["one/2.jpg"]},
        {},
    ]


def test_snapshot_from_before_a_withdrawal_loses_the_images(crawled, monkeypatch, caplog):
    monkeypatch.delenv("HERODEX_LIVE", raising=False)
    shutil.copy(PROJECT / "params.yaml", paths.PARAMS)
    change_params(paths.PARAMS, {"crawl.web": "live", "crawl.contact": "mailto:operator@example.org"})
    record_snapshot(scrape_images.STAGE, image_settings(load_params()), scrape_images.OUTPUTS)
    scrape_images.main()
    assert read_images(paths.RAW_IMAGES / paths.MANIFEST) == crawled
    # As `dvc checkout` brings the snapshot back: the list is newer.
    add_forgotten(paths.FORGOTTEN, of_host("a.test").reasons, HOST, "2026-11-28")
    for _ in range(2):
        scrape_images.main()
        assert read_images(paths.RAW_IMAGES / paths.MANIFEST) == [crawled[1]]
    assert caplog.text.count("2 results of withdrawn sources removed from the snapshot") == 1
