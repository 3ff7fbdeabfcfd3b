"""Records of live snapshots: outputs are kept only with the settings that they were crawled with."""

import logging
from pathlib import Path
from typing import Any

import pytest
from demo_web_params import demo_params

from crawlers import snapshot
from crawlers.snapshot import differing, image_settings, keep_snapshot, name_settings, record_snapshot
from herodex.errors import UserError
from herodex.params import Params

SETTINGS = {"classes": ["tea", "coffee"], "crawl.images.per_query": 10}


def params_with(crawl: dict[str, Any], **others: Any) -> Params:
    values = demo_params().model_dump() | others
    values["crawl"] |= {"web": "live"} | crawl
    return Params.model_validate(values)


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Path, Path]:
    """A folder and a file, and an empty folder of records."""
    monkeypatch.setattr(snapshot, "RECORDS", tmp_path / "records")
    raw, report = tmp_path / "raw", tmp_path / "sources.md"
    (raw / "tea").mkdir(parents=True)
    (raw / "tea" / "1.jpg").write_bytes(b"an image")
    report.write_text("# Sources", encoding="utf-8")
    return raw, report


def test_snapshot_with_equal_settings_is_kept(outputs, caplog):
    record_snapshot("scrape_images", SETTINGS, outputs)
    with caplog.at_level(logging.INFO):
        keep_snapshot("scrape_images", dict(SETTINGS), outputs)
    assert "scrape_images: keeping the snapshot of 20" in caplog.text
    assert "make refresh" in caplog.text


def test_other_settings_are_an_error_that_names_them(outputs):
    record_snapshot("scrape_images", SETTINGS, outputs)
    with pytest.raises(UserError, match=r"classes changed in params\.yaml") as caught:
        keep_snapshot("scrape_images", SETTINGS | {"classes": ["coffee", "tea"]}, outputs)
    assert "make refresh" in caught.value.hint
    assert "dvc commit -f scrape_images" in caught.value.hint


def test_other_data_or_another_stage_has_no_snapshot(outputs):
    raw, _ = outputs
    record_snapshot("scrape_images", SETTINGS, outputs)
    with pytest.raises(UserError, match="is not from a live crawl"):
        keep_snapshot("scrape_names", SETTINGS, outputs)
    (raw / "tea" / "1.jpg").write_bytes(b"another image")
    with pytest.raises(UserError, match="is not from a live crawl"):
        keep_snapshot("scrape_images", SETTINGS, outputs)
    (raw / "tea" / "1.jpg").write_bytes(b"an image")
    keep_snapshot("scrape_images", SETTINGS, outputs)


def test_missing_output_is_an_error_that_names_it(outputs):
    raw, report = outputs
    record_snapshot("scrape_images", SETTINGS, outputs)
    report.unlink()
    with pytest.raises(UserError, match=r"sources\.md is missing") as caught:
        keep_snapshot("scrape_images", SETTINGS, (raw, report))
    assert "make refresh" in caught.value.hint
    assert "dvc commit" not in caught.value.hint


def test_torn_record_is_no_snapshot(outputs):
    record_snapshot("scrape_images", SETTINGS, outputs)
    (record,) = snapshot.RECORDS.iterdir()
    record.write_text(record.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    with pytest.raises(UserError, match="is not from a live crawl"):
        keep_snapshot("scrape_images", SETTINGS, outputs)


@pytest.mark.parametrize(
    ("changes", "of_images", "of_names"),
    [
        ({"crawl": {"delay_s": 7, "retries": 9, "contact": "a@b.test", "timeout_s": 3}}, [], []),
        ({"crawl": {"max_total_mb": 7}}, ["crawl.max_total_mb"], []),
        ({"crawl": {"accepted_terms": ["commons"]}}, ["crawl.accepted_terms"], []),
        ({"crawl": {"accepted_terms": ["pokeapi"]}}, [], ["crawl.accepted_terms"]),
        ({"crawl": {"names": {"sources": ["pokeapi"], "language": "fr"}}}, [], ["language", "sources"]),
        ({"classes": ["bee", "ant"]}, ["classes"], []),
        ({"classes": ["ant", "bee", "cat"], "distractors": ["dog", "eel"]}, ["classes", "distractors"], []),
    ],
)
def test_settings_that_decide_a_crawl(changes, of_images, of_names):
    before = params_with({})
    after = params_with(changes.get("crawl", {}), **{key: changes[key] for key in changes if key != "crawl"})
    assert differing(image_settings(before), image_settings(after)) == of_images
    names = differing(name_settings(before), name_settings(after))
    assert [name.removeprefix("crawl.names.") for name in names] == of_names
