import os
import sqlite3

import pytest

from crawlers.items import Download, Search, SearchResult, Status
from crawlers.journal import BYTES, discard_journal, identity, open_journal
from herodex.errors import UserError

RESULT = SearchResult("tea", "commons", 1, "http://a.test/1.jpg", "", "Tëa", "", "", "")


def test_journal_keeps_everything_when_reopened(tmp_path):
    search = Search("commons", "tea", (RESULT,), ("result 2 is malformed",), 3)
    with open_journal(tmp_path) as journal:
        journal.keep_search(search, "wanted")
        kept = journal.keep_image("http://a.test/1.jpg", b"an image", "jpg")
        failed = journal.keep_download(Download("http://a.test/2.jpg", Status.TIMEOUT, "too late"))
        journal.count_try("http://a.test/3.jpg")
        journal.count_try("http://a.test/3.jpg")
        journal.keep_page("key", "http://a.test/", 200, b"A: b", b"body")
        journal.add(BYTES, 2)
        journal.add(BYTES, 3)
        journal.keep_note("a", "note")
    with open_journal(tmp_path) as journal:
        assert journal.search("commons", "tea", "wanted") == search
        assert journal.search("commons", "tea", "other wishes") is None
        assert journal.downloads() == {kept.url: kept, failed.url: failed}
        assert journal.failed_tries() == {"http://a.test/3.jpg": 2}
        assert journal.page("key") == ("http://a.test/", 200, b"A: b", b"body")
        assert journal.page("another key") is None
        assert journal.total(BYTES) == 5
        assert (journal.note("a"), journal.note("b")) == ("note", "")
        assert (journal.images / f"{kept.sha256}.jpg").read_bytes() == b"an image"


def test_failed_search_is_not_stored(tmp_path):
    with open_journal(tmp_path) as journal:
        journal.keep_search(Search("commons", "tea", error="it failed"), "wanted")
        assert journal.search("commons", "tea", "wanted") is None


def test_forget_failures_keeps_images(tmp_path):
    with open_journal(tmp_path) as journal:
        kept = journal.keep_image("http://a.test/1.jpg", b"an image", "jpg")
        journal.keep_download(Download("http://a.test/2.jpg", Status.UNREACHABLE))
        journal.count_try("http://a.test/2.jpg")
        journal.forget_failures()
        assert list(journal.downloads()) == [kept.url]
        assert journal.failed_tries() == {}


def test_time_is_counted_once_for_many_readers(tmp_path):
    with open_journal(tmp_path) as journal:
        journal.counted_until -= 100
        assert 100 <= journal.pass_time() < 110
        assert 100 <= journal.pass_time() < 110


def test_unwritable_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    journal = open_journal(tmp_path / "file" / "state")
    with pytest.raises(UserError, match="cannot be written: Not a directory"), journal:
        pass


def test_database_error_is_an_error_message(tmp_path):
    with (
        pytest.raises(UserError, match="cannot be written: no such table"),
        open_journal(tmp_path) as journal,
    ):
        journal.database.execute("INSERT INTO nowhere VALUES (1)")


def test_discard_removes_the_journal_and_accepts_a_missing_one(tmp_path):
    with open_journal(tmp_path / "state"):
        pass
    discard_journal(tmp_path / "state")
    discard_journal(tmp_path / "state")
    assert os.listdir(tmp_path) == []


def test_equal_parts_have_equal_identities():
    assert identity(["a", {"b": 1, "c": 2}]) == identity(["a", {"c": 2, "b": 1}])
    assert identity(["a"]) != identity(["b"])


def test_journal_uses_write_ahead_logging(tmp_path):
    with open_journal(tmp_path):
        with sqlite3.connect(tmp_path / "crawl.db") as other:
            assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.close()
