"""The crawl's memory on disk: whatever it has learnt so far, so that a killed crawl goes on where it was.

It is a SQLite database in write-ahead mode (https://www.sqlite.org/wal.html): what was written before a kill
is there after it, whole. Beside it lie the downloaded images, named by their content. Everything is
removed once the crawl has come to its end.
"""

import fcntl
import hashlib
import json
import logging
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from crawlers.items import Download, Search, SearchResult, Status
from herodex.errors import UserError

log = logging.getLogger(__name__)

SECONDS, BYTES = "seconds", "bytes"
"""Names of running totals: what the crawl has spent."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS searches (
    source TEXT, query TEXT, wanted TEXT, search TEXT, PRIMARY KEY (source, query, wanted)
);
CREATE TABLE IF NOT EXISTS downloads (
    url TEXT PRIMARY KEY, status TEXT, reason TEXT, sha256 TEXT, extension TEXT, size INTEGER
);
CREATE TABLE IF NOT EXISTS tries (url TEXT PRIMARY KEY, failed INTEGER);
CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, url TEXT, status INTEGER, headers BLOB, body BLOB);
CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, value REAL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT);
"""


class Journal:
    """One crawl's searches, downloads, failed tries, fetched pages and spent budget."""

    def __init__(self, folder: Path) -> None:
        self.images = folder / "images"
        self.images.mkdir(parents=True, exist_ok=True)
        self.last_look = time.monotonic()
        self.database = sqlite3.connect(folder / "crawl.db", isolation_level=None)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.executescript(_SCHEMA)

    def search(self, source: str, query: str, wanted: str) -> Search | None:
        """Look up a search that came to its end; `wanted` is what was asked of it."""
        found = self.database.execute(
            "SELECT search FROM searches WHERE (source, query, wanted) = (?, ?, ?)", (source, query, wanted)
        ).fetchone()
        if not found:
            return None
        fields = json.loads(found[0])
        results = tuple(SearchResult(**result) for result in fields.pop("results"))
        return Search(**fields | {"results": results, "faults": tuple(fields["faults"])})

    def keep_search(self, search: Search, wanted: str) -> None:
        """Remember a search; one that failed is not remembered, so that a resumed crawl tries it again."""
        if not search.error:
            row = (search.source, search.query, wanted, json.dumps(asdict(search)))
            self.database.execute("INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?)", row)

    def downloads(self) -> dict[str, Download]:
        """All downloads so far, by their address."""
        columns = "url, status, reason, sha256, extension, size"
        rows = self.database.execute(f"SELECT {columns} FROM downloads")  # noqa: S608 # no outside text
        return {url: Download(url, Status(status), *rest) for url, status, *rest in rows}

    def keep_image(self, url: str, body: bytes, extension: str) -> Download:
        """Store an image's bytes under their hash and remember its download.

        Raises:
            OSError, sqlite3.Error: it could not be written, on a full disk for example.
        """
        digest = hashlib.sha256(body).hexdigest()
        target = self.images / f"{digest}.{extension}"
        partial = self.images / f"{digest}.part"
        partial.write_bytes(body)
        partial.replace(target)
        return self.keep_download(Download(url, Status.OK, "", digest, extension, len(body)))

    def keep_download(self, download: Download) -> Download:
        """Remember what became of an address.

        Raises:
            sqlite3.Error: it could not be written.
        """
        row = (*asdict(download).values(),)
        self.database.execute("INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?, ?, ?)", row)
        return download

    def forget_failures(self) -> None:
        """Forget the downloads that failed, so that the next crawl tries them again."""
        self.database.execute("DELETE FROM downloads WHERE status != ?", (Status.OK,))
        self.database.execute("DELETE FROM tries")

    def forget_downloads(self, urls: Iterable[str]) -> None:
        """Forget what became of these addresses."""
        self.database.executemany("DELETE FROM downloads WHERE url = ?", [(url,) for url in urls])

    def failed_tries(self) -> dict[str, int]:
        """How often each address was tried in vain and is to be tried again."""
        return dict(self.database.execute("SELECT url, failed FROM tries"))

    def count_try(self, url: str) -> None:
        """Count a try in vain."""
        self.database.execute(
            "INSERT INTO tries VALUES (?, 1) ON CONFLICT (url) DO UPDATE SET failed = failed + 1", (url,)
        )

    def page(self, key: str) -> tuple[str, int, bytes, bytes] | None:
        """A page that was fetched before: its address, status, headers and body."""
        return self.database.execute(
            "SELECT url, status, headers, body FROM pages WHERE key = ?", (key,)
        ).fetchone()

    def keep_page(self, key: str, url: str, status: int, headers: bytes, body: bytes) -> None:
        """Remember a page."""
        row = (key, url, status, headers, body)
        self.database.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)", row)

    def forget_page(self, url: str) -> None:
        """Forget a page that was of no use, so that a resumed crawl asks for it again."""
        self.database.execute("DELETE FROM pages WHERE url = ?", (url,))

    def total(self, name: str) -> float:
        """A running total over all processes that took part in this crawl, such as its seconds."""
        found = self.database.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()
        return found[0] if found else 0.0

    def pass_time(self) -> float:
        """Add the seconds since the last call, or since the journal was opened, to all that were spent."""
        now = time.monotonic()
        self.add(SECONDS, now - self.last_look)
        self.last_look = now
        return self.total(SECONDS)

    def add(self, name: str, amount: float) -> None:
        """Add to a running total."""
        self.database.execute(
            "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
            (name, amount),
        )

    def note(self, name: str) -> str:
        """A note left by an earlier process, or ''."""
        found = self.database.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return found[0] if found else ""

    def keep_note(self, name: str, value: str) -> None:
        """Leave a note for later processes."""
        self.database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal in `folder`, which is made if it is not there; no other process can, meanwhile.

    Raises:
        UserError: another crawl is at work on it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"Another crawl is at work in {folder}.", "Wait until it has ended, or stop it."
                ) from None
            journal = Journal(folder)
            try:
                yield journal
            finally:
                journal.database.close()
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f"The crawl's journal in {folder} cannot be written: {describe(error)}.",
            "Make room on the disk, or see who owns the folder; then run it again, and it goes on.",
        ) from None


def describe(error: OSError | sqlite3.Error) -> str:
    """Put an error of the disk into words, without the path, which may be long."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def discard_journal(folder: Path) -> None:
    """Remove a journal and the images beside it."""
    shutil.rmtree(folder, ignore_errors=True)


def identity(parts: Iterable[object]) -> str:
    """Sixteen hexadecimal digits that stand for `parts`, which have to have a JSON form."""
    text = json.dumps(list(parts), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
