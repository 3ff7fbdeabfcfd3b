"""Reports of wrong answers, from the inbox to the crawl's manifest."""

import io
import json
import threading
from pathlib import Path

import pytest
from demo_web_params import demo_params
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from crawlers import feedback as crawl_feedback
from crawlers.feedback import add_feedback, warn_of_new_feedback
from crawlers.items import Download, ImageRecord, SearchResult, Status
from crawlers.journal import open_journal
from crawlers.manifest import record_of, write_images
from crawlers.sources_report import sources_report
from crawlers.table import write_table
from herodex import feedback_inbox, paths
from herodex.accepted_feedback import read_image, read_rows
from herodex.errors import UserError
from herodex.feedback_inbox import (
    FILE_BYTES,
    InboxFullError,
    Report,
    read_inbox,
    rejected,
    store_report,
)
from herodex.forgotten_list import IMAGE, add_forgotten
from herodex.params import FROM_FEEDBACK, UNKNOWN, FeedbackParams
from herodex.review.feedback import FeedbackReview
from herodex.serving.client_error import ClientError
from herodex.serving.feedback import check_fields, keep

PARAMS = demo_params()
CLASS, OTHER = PARAMS.classes[:2]
DISTRACTOR = PARAMS.distractors[0]
FIELDS = {"class": CLASS, "answered": OTHER, "model": "abc123"}
SETTINGS = FeedbackParams(enabled=True, license="CC0 1.0", max_mb=1)
ROOM = 1e6


def report(sha256: str = "a" * 64, label: str = CLASS) -> Report:
    return Report(sha256, label, OTHER, "abc123", "CC0 1.0", "2026-01-02T03:04Z")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "inbox").iterdir())


def keep_one(folder: Path, colour: str = "teal", **fields: str) -> str:
    """Store a report and return the image's hash."""
    before = set(read_inbox(folder))
    keep(folder, SETTINGS, Image.new("RGB", (40, 30), colour), FIELDS | fields)
    (new,) = set(read_inbox(folder)) - before
    return new


def test_stored_report_holds_nothing_of_the_visitor(tmp_path):
    image = Image.new("RGB", (40, 30), "teal")
    note = PngInfo()
    note.add_text("Author", "the visitor")
    image.info |= {"exif": b"Exif\0\0 home", "pnginfo": note, "comment": b"me"}
    keep(tmp_path, SETTINGS, image, FIELDS)
    (sha256,) = read_inbox(tmp_path)
    stored = (tmp_path / "inbox" / f"{sha256}.png").read_bytes()
    assert {kind for kind in (b"eXIf", b"tEXt", b"iCCP", b"iTXt") if kind in stored} == set()
    assert Image.open(io.BytesIO(stored)).tobytes() == image.tobytes()
    (name,) = [name for name in files(tmp_path) if name.endswith(".json")]
    fields = json.loads((tmp_path / "inbox" / name).read_text(encoding="utf-8"))
    assert set(fields) == {"sha256", "class", "answered", "model", "license", "time"}
    assert fields["license"] == "CC0 1.0"
    assert fields["time"].endswith("Z")
    assert len(fields["time"]) == len("2026-01-02T03:04Z")


def test_repeated_report_changes_nothing_and_another_class_adds_a_report(tmp_path):
    assert store_report(tmp_path, report(), b"png", ROOM)
    before = files(tmp_path)
    assert not store_report(tmp_path, report(), b"png", ROOM)
    assert files(tmp_path) == before
    assert store_report(tmp_path, report(label=UNKNOWN), b"png", ROOM)
    assert len(files(tmp_path)) == 3
    assert [each.label for each in read_inbox(tmp_path)["a" * 64]] == sorted([CLASS, UNKNOWN])


def test_flood_of_tiny_reports_ends_at_the_limit_and_loses_none(tmp_path):
    room = 20 * FILE_BYTES
    assert all(store_report(tmp_path, report(f"{number:064}"), b"png", room) for number in range(10))
    with pytest.raises(InboxFullError):
        store_report(tmp_path, report(f"{10:064}"), b"png", room)
    assert len(read_inbox(tmp_path)) == 10


def test_full_inbox_is_a_clear_refusal(tmp_path):
    full = FeedbackParams(enabled=True, license="CC0 1.0", max_mb=0.001)
    with pytest.raises(ClientError) as caught:
        keep(tmp_path, full, Image.new("RGB", (40, 30)), FIELDS)
    assert (caught.value.status, caught.value.reason) == (507, "full")
    assert "no more reports" in caught.value.error
    assert files(tmp_path) == []


@pytest.mark.parametrize("writable", [0, 1])
def test_full_disk_is_a_clear_refusal_and_leaves_no_part(tmp_path, monkeypatch, writable):
    keep_one(tmp_path, "red")
    before, done, fsync = files(tmp_path), [], feedback_inbox.os.fsync

    def full(descriptor: int) -> None:
        done.append(descriptor)
        if len(done) > writable:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(feedback_inbox.os, "fsync", full)
    with pytest.raises(ClientError) as caught:
        keep(tmp_path, SETTINGS, Image.new("RGB", (40, 30), "blue"), FIELDS)
    assert (caught.value.status, caught.value.reason) == (503, "disk")
    assert files(tmp_path) == before


def test_file_in_place_of_the_folder_is_a_clear_refusal(tmp_path):
    (tmp_path / "feedback").write_text("no folder")
    with pytest.raises(ClientError) as caught:
        keep(tmp_path / "feedback", SETTINGS, Image.new("RGB", (40, 30)), FIELDS)
    assert caught.value.status == 503


def test_files_of_a_killed_worker_are_removed(tmp_path):
    keep_one(tmp_path, "red")
    part = tmp_path / "inbox" / f".{'b' * 64}.png.part"
    part.write_bytes(b"half")
    unreported = tmp_path / "inbox" / f"{'b' * 64}.png"
    unreported.write_bytes(b"png")
    keep_one(tmp_path, "blue")
    assert not part.exists()
    assert not unreported.exists()
    assert len(files(tmp_path)) == 4


def test_concurrent_reports_never_exceed_the_limit(tmp_path):
    def flood(worker: int) -> None:
        for number in range(10):
            try:
                store_report(tmp_path, report(f"{worker}{number:063}"), b"png", 20 * FILE_BYTES)
            except InboxFullError:
                return

    threads = [threading.Thread(target=flood, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_inbox(tmp_path)) == 10


@pytest.mark.parametrize(
    "fields",
    [
        {"class": "<script>alert(1)</script>"},
        {"class": "../../../etc"},
        {"class": ""},
        {"class": OTHER},
        {"answered": "dragon"},
        {"model": "<img src=x>"},
        {"model": "a" * 65},
        {"model": "abc\n"},
    ],
)
def test_invalid_fields_are_refused(fields):
    with pytest.raises(ClientError) as caught:
        check_fields(FIELDS | fields, [*PARAMS.classes, UNKNOWN])
    assert (caught.value.status, caught.value.reason) == (400, "fields")
    assert "<" not in caught.value.error


def test_rejected_image_is_deleted_and_not_taken_again(tmp_path):
    sha256 = keep_one(tmp_path)
    review = FeedbackReview(tmp_path, PARAMS)
    assert review.decide(sha256, "")
    assert files(tmp_path) == []
    assert rejected(tmp_path) == {sha256}
    keep(tmp_path, SETTINGS, Image.new("RGB", (40, 30), "teal"), FIELDS)
    assert files(tmp_path) == []
    assert not review.decide(sha256, CLASS)


def test_accepted_image_moves_to_the_class_that_the_person_chose(tmp_path):
    sha256 = keep_one(tmp_path)
    review = FeedbackReview(tmp_path, PARAMS)
    assert [image["label"] for image in review.state()["images"]] == [CLASS]
    assert review.decide(sha256, DISTRACTOR)
    assert files(tmp_path) == []
    (row,) = read_rows(tmp_path / "accepted")
    assert (row.label, row.license, row.answered) == (DISTRACTOR, "CC0 1.0", OTHER)
    assert (tmp_path / "accepted" / DISTRACTOR / f"{sha256}.png").exists()
    keep(tmp_path, SETTINGS, Image.new("RGB", (40, 30), "teal"), FIELDS | {"class": UNKNOWN})
    assert files(tmp_path) == []


def fail(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_interrupted_acceptance_is_completed_by_the_next(tmp_path, monkeypatch):
    sha256 = keep_one(tmp_path)
    review = FeedbackReview(tmp_path, PARAMS)
    with monkeypatch.context() as patch:
        patch.setattr(
            "herodex.review.feedback.write_accepted", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
        )
        with pytest.raises(OSError, match="full"):
            review.decide(sha256, CLASS)
    assert review.decide(sha256, CLASS)
    assert [row.sha256 for row in read_rows(tmp_path / "accepted")] == [sha256]
    assert files(tmp_path) == []


@pytest.mark.parametrize("step", ["write_accepted", "remove_image"])
def test_interrupted_acceptance_leaves_nothing_if_the_image_is_rejected(tmp_path, monkeypatch, step):
    sha256 = keep_one(tmp_path)
    review = FeedbackReview(tmp_path, PARAMS)
    with monkeypatch.context() as patch:
        patch.setattr(f"herodex.review.feedback.{step}", fail)
        with pytest.raises(OSError, match="No space"):
            review.decide(sha256, CLASS)
    assert review.decide(sha256, "")
    assert list(tmp_path.rglob("*.png")) == []
    assert read_rows(tmp_path / "accepted") == []


def test_damaged_report_is_named(tmp_path):
    sha256 = keep_one(tmp_path)
    (note,) = (tmp_path / "inbox").glob("*.json")
    note.write_text("[]")
    with pytest.raises(UserError, match=sha256):
        read_inbox(tmp_path)


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """A project folder, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crawled(query: str, rank: int) -> ImageRecord:
    result = SearchResult(query, "demo", rank, f"http://a.test/{query}/{rank}", "", "", "", "CC0 1.0", "")
    return record_of(result, Download(result.image_url, Status.NOT_AN_IMAGE, "text"), PARAMS.label_of(query))


RECORDS = [crawled(query, rank) for query in PARAMS.queries for rank in (1, 2)]


def test_without_accepted_images_the_rows_stay_as_they_are(project):
    keep_one(paths.FEEDBACK)
    with open_journal(project / "crawl") as journal:
        assert add_feedback(RECORDS, PARAMS, journal) == RECORDS


def test_accepted_images_enter_the_manifest_as_a_source_of_their_own(project, caplog):
    review = FeedbackReview(paths.FEEDBACK, PARAMS)
    labels = {
        keep_one(paths.FEEDBACK, colour): label for colour, label in (("red", CLASS), ("blue", UNKNOWN))
    }
    for sha256, label in labels.items():
        assert review.decide(sha256, label)
    with open_journal(project / "crawl") as journal:
        records = add_feedback(RECORDS, PARAMS, journal)
        (project / "raw").mkdir()
        write_images(records, journal.images, project / "raw")
    added = [record for record in records if record.source == FROM_FEEDBACK]
    assert [record for record in records if record.source != FROM_FEEDBACK] == RECORDS
    assert {record.sha256: record.query for record in added} == labels
    assert [record.label for record in added] == [CLASS, UNKNOWN]
    assert records[2] == added[0]
    assert {(record.status, record.license, record.rank) for record in added} == {(Status.OK, "CC0 1.0", 1)}
    assert all((project / "raw" / record.file).is_file() for record in added)
    assert sources_report(records, []).count("- Untitled by a visitor of the service, CC0 1.0") == 1
    paths.RAW_IMAGES.mkdir(parents=True)
    write_table(paths.RAW_IMAGES / paths.MANIFEST, ImageRecord, RECORDS)
    warn_of_new_feedback()
    assert "reported images that are not in the snapshot: 2" in caplog.text


def test_images_of_a_removed_class_are_left_out_with_a_warning(project, caplog):
    FeedbackReview(paths.FEEDBACK, PARAMS).decide(keep_one(paths.FEEDBACK), CLASS)
    fewer = PARAMS.model_copy(update={"classes": PARAMS.classes[1:]})
    with open_journal(project / "crawl") as journal:
        assert add_feedback(RECORDS[2:], fewer, journal) == RECORDS[2:]
    assert f"1 of {CLASS}" in caplog.text


def test_withdrawn_accepted_image_is_left_out_of_the_crawl(project, caplog):
    sha256 = keep_one(paths.FEEDBACK)
    FeedbackReview(paths.FEEDBACK, PARAMS).decide(sha256, CLASS)
    add_forgotten(paths.FORGOTTEN, [sha256], IMAGE, "2026-11-28")
    with open_journal(project / "crawl") as journal:
        assert add_feedback(RECORDS, PARAMS, journal) == RECORDS
    assert "because they are withdrawn: 1" in caplog.text


def test_changed_or_missing_accepted_image_is_a_clear_error(project):
    sha256 = keep_one(paths.FEEDBACK)
    FeedbackReview(paths.FEEDBACK, PARAMS).decide(sha256, CLASS)
    (row,) = read_rows(crawl_feedback.FOLDER)
    file = crawl_feedback.FOLDER / row.file
    file.write_bytes(b"another")
    with pytest.raises(UserError, match="was changed"):
        read_image(crawl_feedback.FOLDER, row)
    file.unlink()
    with pytest.raises(UserError, match="cannot be read"):
        read_image(crawl_feedback.FOLDER, row)


def test_reports_need_a_licence():
    with pytest.raises(ValueError, match="license"):
        FeedbackParams(enabled=True)
    assert not FeedbackParams().enabled
