"""`herodex forget`: find, remove and prove, in a small drawn project."""

import csv
import fcntl
import hashlib
import io
import json
import shutil
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sharded import move_into_shards

from crawlers.items import Download, ImageRecord, Search, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.sources_report import sources_report
from crawlers.table import write_table
from herodex import cli, paths
from herodex.accepted_feedback import read_rows
from herodex.curation.check_downloads import check
from herodex.curation.review_decisions import Decision, write_review
from herodex.dataset.feature_table import open_table, write_features
from herodex.embedding.feature_cache import open_cache, store
from herodex.errors import UserError
from herodex.feedback_inbox import Report, rejected, store_report
from herodex.forgotten_list import read_forgotten
from herodex.lineage.forget import METRICS, compare_figures, describe, remove
from herodex.lineage.forget_sources import find_source
from herodex.lineage.trace_places import working_files
from herodex.lineage.traces import find_traces, traces_in, wanted
from herodex.lineage.tree import render
from herodex.params import load_params
from herodex.review.feedback import FeedbackReview
from herodex.statistics import estimate

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = [
    # class, host, author, licence, colour
    ("tea", "a.test", "Ann Ä", "CC BY 4.0", "red"),
    ("tea", "b.test", "Bob", "CC BY 4.0", "green"),
    ("coffee", "a.test", "Bob & Co", "CC0 1.0", "blue"),
    ("coffee", "c.test", "Cy", "CC BY 4.0", "red"),
]
"""The last image has the bytes of the first one, at another address."""


def drawn(colour: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (40, 32), colour).save(stream, "PNG")
    return stream.getvalue()


def result_of(place: int) -> SearchResult:
    query, host, author, license_, _ = SOURCES[place]
    page = f"http://{host}/{place}"
    license_url = "https://creativecommons.org/zero" if license_.startswith("CC0") else ""
    return SearchResult(
        query, "demo", place + 1, f"{page}.png", page, f"No. {place}", author, license_, license_url
    )


def record(place: int) -> ImageRecord:
    query, _, _, _, colour = SOURCES[place]
    digest = hashlib.sha256(drawn(colour)).hexdigest()
    return ImageRecord(
        **asdict(result_of(place)), status=Status.OK, sha256=digest, file=f"{query}/{digest}.png", label=query
    )


RECORDS = [record(place) for place in range(len(SOURCES))]
FIRST, SECOND, THIRD, SAME = RECORDS


def pixels(image: ImageRecord) -> str:
    return hashlib.sha256(b"pixels " + image.sha256.encode()).hexdigest()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project after a pipeline run and with an unfinished crawl."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(PROJECT)])
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    rows = [asdict(each) | {"pixel_sha256": pixels(each), "dropped_for": ""} for each in RECORDS]
    for image, source in zip(RECORDS, SOURCES, strict=True):
        for folder in (paths.RAW_IMAGES, paths.CLEAN_IMAGES):
            (folder / image.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / image.file).write_bytes(drawn(source[-1]))
    write_table(paths.RAW_IMAGES / paths.MANIFEST, ImageRecord, RECORDS)
    with (paths.CLEAN_IMAGES / paths.MANIFEST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    write_features(
        paths.FEATURES, [each.sha256 for each in RECORDS[:3]], {"features": np.ones((3, 2), np.float32)}
    )
    with open_cache(paths.FEATURE_CACHE) as cache:
        store(cache, ["k", "l"], {pixels(each): np.ones((2, 2), np.float32) for each in RECORDS[:3]})
    paths.CLASSIFIER.mkdir(parents=True)
    (paths.CLASSIFIER / "gallery.csv").write_text(f"sha256,label\n{FIRST.sha256},tea\n", encoding="utf-8")
    paths.PROVENANCE.mkdir(parents=True)
    (paths.PROVENANCE / "croissant.json").write_text(
        json.dumps({"by": [{"author": "Ann Ä"}]}), encoding="utf-8"
    )
    (paths.REPORTS / "page.html").write_text(f"<p>{FIRST.sha256[:12]}, Bob &amp; Co, Anna", encoding="utf-8")
    paths.SOURCES.write_text(sources_report(RECORDS, []), encoding="utf-8")
    write_review(paths.REVIEW, {FIRST.sha256: Decision(keep=False), SECOND.sha256: Decision(keep=True)})
    (paths.SHARDS / "clean").mkdir(parents=True)
    searches = paths.CRAWL_STATE / "images-1-64-shards" / "searches" / "demo.json"
    searches.parent.mkdir(parents=True)
    searches.write_text(json.dumps([asdict(result_of(1))]), encoding="utf-8")
    with open_journal(paths.CRAWL_STATE / "images-1") as journal:
        for image, source in zip(RECORDS, SOURCES, strict=True):
            journal.keep_image(image.image_url, drawn(source[-1]), "png")
        journal.keep_download(Download("http://a.test/9.png", Status.TIMEOUT))
        journal.keep_search(Search("demo", "tea", (result_of(0),)), "wanted")
        journal.keep_page("key", "http://search.test/", 200, b"", "a page with Ann Ä".encode())
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run `herodex forget` in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", ["herodex", "forget", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.parametrize(
    ("key", "kind", "found", "places"),
    [
        ("ann ä", None, "author", {0, 3}),
        ("B.test", None, "host", {1}),
        ("CC0 1.0", None, "licence", {2}),
        (SECOND.sha256[:8], None, "image", {1}),
        ("bob", "author", "author", {1}),
        ("new.test", "host", "host", set()),
        ("http://b.test/1.png", None, "image", {1}),
        ("https://b.test/1", None, "image", {1}),
        ("https://B.test:8080/", None, "host", {1}),
        ("b.test:80", None, "host", {1}),
        ("*.test", None, "host", {0, 1, 2, 3}),
        ("cc0-1.0", None, "licence", {2}),
        ("https://creativecommons.org/zero", None, "licence", {2}),
        ("BOB\N{ZERO WIDTH SPACE}", None, "author", {1}),
        ("f" * 64, "image", "image", set()),
    ],
)
def test_source_is_found_with_all_images_of_the_same_bytes(project, key, kind, found, places):
    withdrawal = find_source(key, kind)
    assert withdrawal.kind == found
    assert {int(row["rank"]) - 1 for row in withdrawal.rows} == places
    assert withdrawal.contents == {RECORDS[place].sha256 for place in places}


def test_key_that_fits_nothing_or_several_kinds_is_an_error(project):
    with pytest.raises(UserError, match="No image, author, host or licence"):
        find_source("Dan", None)
    with pytest.raises(UserError, match="empty"):
        find_source(" ", "author")
    with pytest.raises(UserError, match="No image here"):
        find_source("f" * 12, "image")
    table = paths.RAW_IMAGES / paths.MANIFEST
    table.write_text(table.read_text(encoding="utf-8").replace(",Bob,", ",c.test,"), encoding="utf-8")
    shutil.rmtree(paths.CLEAN_IMAGES)
    with pytest.raises(UserError, match="author and host") as caught:
        find_source("c.test", None)
    assert "--by author" in caught.value.hint


def change_clean(old: str, new: str) -> None:
    table = paths.CLEAN_IMAGES / paths.MANIFEST
    table.write_text(table.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_image_with_the_same_pixels_in_another_file_goes_too(project):
    change_clean(pixels(SECOND), pixels(FIRST))
    withdrawal = find_source("Ann Ä", None)
    assert withdrawal.contents == {FIRST.sha256, SECOND.sha256}
    assert {pixels(FIRST), SECOND.sha256} <= withdrawal.hashes


def test_plan_names_similar_sources_and_near_duplicates_that_stay(project):
    change_clean("pixel_sha256,dropped_for", "pixel_sha256,dropped_for,duplicate_group")
    change_clean(f"{pixels(SECOND)},", f"{pixels(SECOND)},,g")
    change_clean(f"{pixels(THIRD)},", f"{pixels(THIRD)},,g")
    plan = render(describe(find_source("Bob", None)))
    assert "withdraw each that is meant too\n│  └─ author Bob & Co: 1 image" in plan
    assert "1 image of other sources stay" in plan
    assert f"{THIRD.sha256} (Bob & Co)" in plan
    assert "host a.test: 2 images" in render(describe(find_source("www.a.test", "host")))


@pytest.mark.parametrize(
    ("key", "similar"),
    [
        ("cc by", "their images: licence CC BY 4.0 (2)"),
        ("An Ä", "author Ann Ä (1)"),
        ("x.a.test", "host a.test"),
    ],
)
def test_key_that_fits_nothing_is_answered_with_similar_sources(project, key, similar):
    with pytest.raises(UserError) as caught:
        find_source(key, None)
    assert similar in caught.value.hint


def report_image(colour: str, accept: bool) -> str:
    """Report an image in another format than that of the crawl; return the SHA-256 of the stored file."""
    stream = io.BytesIO()
    Image.open(io.BytesIO(drawn(colour))).save(stream, "PNG", compress_level=0)
    digest = hashlib.sha256(stream.getvalue()).hexdigest()
    report = Report(digest, "batman", "unknown", "m", "CC0 1.0", "2026-11-28T10:00Z")
    assert store_report(paths.FEEDBACK, report, stream.getvalue(), 1e9)
    if accept:
        assert FeedbackReview(paths.FEEDBACK, load_params()).decide(digest, "batman")
    return digest


def test_reported_images_go_with_the_source_and_cannot_come_back(project, monkeypatch, capsys):
    change_clean(pixels(FIRST), check(drawn("red"), load_params().classifier.clean).pixel_sha256)
    accepted = report_image("red", accept=True)
    other = report_image("yellow", accept=True)
    assert run(monkeypatch, "Ann Ä", "--yes") == 0
    assert "1 reported image in data/feedback/accepted" in capsys.readouterr().out
    assert [row.sha256 for row in read_rows(paths.FEEDBACK / "accepted")] == [other]
    assert {file.stem for file in paths.FEEDBACK.rglob("*.png")} == {other}
    assert accepted in rejected(paths.FEEDBACK)
    # The list that keeps it out is no trace.
    assert not any("feedback" in str(file) for file in find_traces(working_files(), wanted(read_forgotten())))
    assert read_forgotten().has_content(accepted)
    report = Report(accepted, "batman", "unknown", "m", "CC0 1.0", "2026-11-28T10:00Z")
    assert not store_report(paths.FEEDBACK, report, drawn("red"), 1e9)


def test_reported_image_with_withdrawn_pixels_is_not_accepted(project, monkeypatch):
    change_clean(pixels(FIRST), check(drawn("red"), load_params().classifier.clean).pixel_sha256)
    assert run(monkeypatch, "Ann Ä", "--yes") == 0
    with pytest.raises(UserError, match="withdrawn"):
        report_image("red", accept=True)
    assert not list(paths.FEEDBACK.glob("accepted/*/*"))
    report_image("yellow", accept=True)


@pytest.mark.parametrize("accept", [True, False])
def test_reported_image_is_withdrawn_by_its_own_hash(project, monkeypatch, accept):
    digest = report_image("yellow", accept)
    assert run(monkeypatch, digest[:12], "--yes") == 0
    assert not list(paths.FEEDBACK.rglob("*.png"))
    assert rejected(paths.FEEDBACK) == {digest}


def test_plan_counts_what_goes_and_names_what_stays(project):
    plan = render(describe(find_source("Ann Ä", None)))
    for line in (
        "author Ann Ä: 1 image\n",
        "coffee: 1 image\n",
        "tea: 1 image\n",
        "2 files and the rows of data/images/raw/manifest.csv",
        "2 vectors in .cache/features.db",
        "1 decision in data/review.csv",
        "of 1 unfinished crawl in .cache/crawl",
        "2 files in data/images/clean",
        "1 row of data/images/features.npy",
        "1 row of models/classifier/gallery.csv",
        "dvc gc --workspace",
        "mlflow gc --backend-store-uri sqlite:///mlflow.db --tracking-uri sqlite:///mlflow.db",
        "bentoml delete TAG",
    ):
        assert line in plan


def test_plan_and_check_look_inside_shards(project, monkeypatch, capsys):
    move_into_shards(paths.CLEAN_IMAGES)
    path = paths.FEATURES
    path.unlink()
    hashes = sorted(each.sha256 for each in RECORDS[:3])
    write_features(path, hashes, {"features": np.ones((3, 2), np.float32)}, 1)
    plan = render(describe(find_source("Ann Ä", None)))
    assert "2 images in data/images/clean" in plan
    assert "1 row of data/images/features.npy" in plan
    assert run(monkeypatch, "Ann Ä", "--yes") == 0
    assert run(monkeypatch, "--check", "Ann Ä") == 1
    found = capsys.readouterr().out
    (shard,) = paths.CLEAN_IMAGES.glob("*.parquet")
    assert f"{shard}: 2 image, 2 sha256" in found
    assert f"{paths.CLEAN_IMAGES}/index.csv: 2 sha256" in found
    (table,) = (file for file in path.glob("*.npy") if str(file) in found)
    assert FIRST.sha256 in open_table(table).row_of


def test_forget_removes_data_and_caches_and_keeps_hashes(project, monkeypatch, capsys):
    assert run(monkeypatch, "Ann Ä", "--yes") == 0
    assert "Removed: 2 search results" in capsys.readouterr().out
    raw = {file.stem for file in paths.RAW_IMAGES.rglob("*.png")}
    assert raw == {SECOND.sha256, THIRD.sha256}
    with (paths.RAW_IMAGES / paths.MANIFEST).open(encoding="utf-8", newline="") as file:
        assert [row["author"] for row in csv.DictReader(file)] == ["Bob", "Bob & Co"]
    with sqlite3.connect(paths.FEATURE_CACHE) as cache:
        assert {image for (image,) in cache.execute("SELECT image FROM vectors")} == {
            pixels(SECOND),
            pixels(THIRD),
        }
    assert paths.REVIEW.read_text(encoding="utf-8") == f"sha256,decision,class\n{SECOND.sha256},keep,\n"
    assert not paths.SHARDS.exists()
    assert not list(paths.CRAWL_STATE.rglob("*.json"))
    with open_journal(paths.CRAWL_STATE / "images-1") as journal:
        assert journal.downloads().keys() == {SECOND.image_url, THIRD.image_url, "http://a.test/9.png"}
        assert {file.stem for file in journal.images.iterdir()} == raw
        assert journal.page_urls() == []
    # Neither the databases' free pages nor the list have the name or the hashes.
    for file in (paths.CRAWL_STATE / "images-1" / "crawl.db", paths.FEATURE_CACHE, paths.FORGOTTEN):
        assert "Ann Ä".encode() not in file.read_bytes()
    assert pixels(FIRST).encode() not in paths.FEATURE_CACHE.read_bytes()
    listed = read_forgotten()
    assert listed.has_content(FIRST.sha256)
    assert listed.has_source(asdict(FIRST) | {"author": ""})
    assert listed.has_source({"image_url": "", "page_url": "", "author": "ANN ä", "license": ""})
    assert not listed.has_source({key: str(value) for key, value in asdict(SECOND).items()})


def test_check_names_the_files_that_have_traces(project, monkeypatch, capsys):
    assert run(monkeypatch, "Ann Ä", "--yes") == 0
    assert run(monkeypatch, "--check", "Ann Ä") == 1
    lines = capsys.readouterr().out.splitlines()
    traces = dict(
        line.split(": ", 1) for line in lines if line.startswith(("data/", "models/", "reports/", ".cache"))
    )
    assert traces.keys() == {
        f"data/images/clean/{FIRST.file}",
        f"data/images/clean/{SAME.file}",
        "data/images/clean/manifest.csv",
        "data/images/features.npy",
        "models/classifier/gallery.csv",
        "reports/page.html",
        "reports/provenance/croissant.json",
    }
    assert traces["reports/provenance/croissant.json"] == "1 author or licence, 1 text"
    assert traces["reports/page.html"] == "1 sha256"
    assert traces["data/images/features.npy"] == "1 sha256"
    # As `make run` does:
    for path in (paths.CLEAN_IMAGES, paths.CLASSIFIER, paths.PROVENANCE):
        shutil.rmtree(path)
    for path in (paths.FEATURES, paths.REPORTS / "page.html"):
        path.unlink()
    assert run(monkeypatch, "--check", "Ann Ä") == 0
    assert "no trace in" in capsys.readouterr().out


@pytest.mark.parametrize(("key", "count"), [("Bob & Co", 1), ("Ann", 0), (FIRST.sha256[:8], 1), ("Anna", 1)])
def test_check_finds_a_key_in_the_spellings_of_a_report(project, key, count):
    assert traces_in(paths.REPORTS / "page.html", wanted(read_forgotten(), key))["text"] == count


def test_project_without_withdrawn_sources_has_no_traces(project):
    assert find_traces(working_files(), wanted(read_forgotten())) == {}


@pytest.mark.parametrize("key", ["Ann Ä", "ANN  ä", "ann a\N{COMBINING DIAERESIS}"])
def test_check_finds_a_source_that_is_not_withdrawn_in_any_spelling(project, monkeypatch, capsys, key):
    assert run(monkeypatch, "--check", key) == 1
    said = capsys.readouterr().out
    assert "is not withdrawn" in said
    assert "data/images/raw/manifest.csv: 1 author or licence, 1 text\n" in said
    assert "reports/sources.md: 1 text\n" in said
    assert ".cache/crawl/images-1/" in said


def test_check_finds_the_addresses_of_a_host(project):
    found = find_traces(working_files(), wanted(read_forgotten(), "A.test"))
    assert found[paths.RAW_IMAGES / paths.MANIFEST]["address"] == 4
    assert found[paths.SOURCES]["address"] == 2


def test_nothing_is_removed_without_a_yes(project, monkeypatch, capsys):
    before = {
        path: path.read_bytes() for path in project.rglob("*") if path.is_file() and path.suffix != ".db"
    }
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert run(monkeypatch, "Ann Ä") == 1
    assert "Add --yes" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert not paths.FORGOTTEN.exists()


def test_running_crawl_is_not_disturbed(project):
    with (paths.CRAWL_STATE / "images-1" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="A crawl is running"):
            remove(find_source("Ann Ä", None))
    assert not paths.FORGOTTEN.exists()


def test_figures_are_compared_with_their_intervals():
    before = {"accuracy": estimate(0.9, 0.88, 0.92, 200)}
    after = {"accuracy": estimate(0.8, 0.77, 0.83, 180)}
    both = "0.900 [0.880, 0.920], n = 200 → 0.800 [0.770, 0.830], n = 180"
    assert compare_figures(before, after) == f"accuracy: {both}; the intervals do not overlap"
    assert compare_figures(before, before).endswith("; the intervals overlap")
    assert compare_figures({}, after).startswith("accuracy: no evaluation before the withdrawal")
    assert compare_figures(before, {}) == "no evaluation after the withdrawal"


def write_metrics(file: Path, value: float) -> None:
    figure = {"value": value, "low": value - 0.02, "high": value + 0.02, "n": 100}
    file.parent.mkdir(parents=True, exist_ok=True)
    metrics = {"accuracy": figure, "balanced_accuracy": figure, "recall": {"tea": figure, "milk": figure}}
    metrics["ood"] = {"false_reject_rate": figure}
    file.write_text(json.dumps(metrics), encoding="utf-8")


def test_rebuild_runs_make_compares_the_accuracy_and_checks(project, monkeypatch, capfd):
    write_metrics(METRICS, 0.9)
    write_metrics(project / "after.json", 0.89)
    page = paths.REPORTS / "page.html"
    stale = f"{paths.CLEAN_IMAGES} {paths.FEATURES} {paths.CLASSIFIER} {paths.PROVENANCE} {page}"
    (project / "Makefile").write_text(
        f"run:\n\t@rm -r {stale}\n\t@cp after.json {METRICS}\n\t@echo made anew\n", encoding="utf-8"
    )
    assert run(monkeypatch, "Ann Ä", "--yes", "--rebuild") == 0
    said = capfd.readouterr().out
    assert "made anew" in said
    both = "0.900 [0.880, 0.920], n = 100 → 0.890 [0.870, 0.910], n = 100; the intervals overlap"
    for name in ("accuracy", "mean recall", "images of the classes rejected", "recall of tea"):
        assert f"\n{name}: {both}\n" in said
    assert "milk" not in said
    assert "no trace in data, models, reports, .cache" in said


def test_failed_rebuild_is_an_error(project, monkeypatch, capfd):
    (project / "Makefile").write_text("run:\n\t@exit 3\n", encoding="utf-8")
    assert run(monkeypatch, "Ann Ä", "--yes", "--rebuild") == 1
    assert "`make run` failed" in capfd.readouterr().err
    assert read_forgotten().has_content(FIRST.sha256)
