"""The crawl's journal on disk, from which a killed crawl continues.

It is a SQLite database in write-ahead mode (https://www.sqlite.org/wal.html), whose completed writes survive
a kill. The downloaded images are stored beside it, named by their hash. Everything is removed when the crawl
is complete.
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crawlers.items import Download, Hop, Search, SearchResult, Status
from herodex.errors import UserError

log = logging.getLogger(__name__)

SECONDS, BYTES = "seconds", "bytes"
"""Names of running totals: the time and the bytes that the crawl took."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS searches (
    source TEXT, query TEXT, wanted TEXT, search TEXT, PRIMARY KEY (source, query, wanted)
);
CREATE TABLE IF NOT EXISTS downloads (
    url TEXT PRIMARY KEY, status TEXT, reason TEXT, sha256 TEXT, extension TEXT, size INTEGER
);
CREATE TABLE IF NOT EXISTS tries (url TEXT PRIMARY KEY, failed INTEGER);
CREATE TABLE IF NOT EXISTS hops (url TEXT PRIMARY KEY, hop TEXT);
CREATE TABLE IF NOT EXISTS pages (key TEXT PRIMARY KEY, url TEXT, status INTEGER, headers BLOB, body BLOB);
CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, value REAL);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value TEXT);
"""


class Journal:
    """The searches, downloads, failed attempts, fetched pages and spent budget of one crawl."""

    def __init__(self, folder: Path, on_volume: bool = False) -> None:
        self.images = folder / "images"
        self.images.mkdir(parents=True, exist_ok=True)
        self.counted_until = time.monotonic()
        self.database = sqlite3.connect(folder / "crawl.db", isolation_level=None)
        if on_volume:
            # Without it, write-ahead mode needs memory that machines cannot share.
            self.database.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.executescript(_SCHEMA)

    def search(self, source: str, query: str, wanted: str) -> Search | None:
        """Look up a completed search; `wanted` identifies its limits and filters."""
        found = self.database.execute(
            "SELECT search FROM searches WHERE (source, query, wanted) = (?, ?, ?)", (source, query, wanted)
        ).fetchone()
        if not found:
            return None
        return search_from(json.loads(found[0]))

    def keep_search(self, search: Search, wanted: str) -> None:
        """Store a search unless it failed: a continued crawl repeats failed searches."""
        if not search.error:
            row = (search.source, search.query, wanted, json.dumps(asdict(search)))
            self.database.execute("INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?)", row)

    def downloads(self) -> dict[str, Download]:
        """Return all downloads by URL."""
        columns = "url, status, reason, sha256, extension, size"
        rows = self.database.execute(f"SELECT {columns} FROM downloads")  # noqa: S608 # no outside text
        return {url: Download(url, Status(status), *rest) for url, status, *rest in rows}

    def keep_image(self, url: str, body: bytes, extension: str) -> Download:
        """Store an image's bytes under their hash, and its download.

        Raises:
            OSError, sqlite3.Error: writing failed, for example on a full disk.
        """
        digest = hashlib.sha256(body).hexdigest()
        target = self.images / f"{digest}.{extension}"
        partial = self.images / f"{digest}.part"
        partial.write_bytes(body)
        partial.replace(target)
        return self.keep_download(Download(url, Status.OK, "", digest, extension, len(body)))

    def keep_download(self, download: Download) -> Download:
        """Store a download and return it.

        Raises:
            sqlite3.Error: writing failed.
        """
        row = (*asdict(download).values(),)
        self.database.execute("INSERT OR REPLACE INTO downloads VALUES (?, ?, ?, ?, ?, ?)", row)
        return download

    def forget_failures(self) -> None:
        """Delete failed downloads, so that the next crawl repeats them."""
        self.database.execute("DELETE FROM downloads WHERE status != ?", (Status.OK,))
        self.database.execute("DELETE FROM tries")

    def forget_downloads(self, urls: Iterable[str]) -> None:
        """Delete the downloads of these URLs."""
        self.database.executemany("DELETE FROM downloads WHERE url = ?", [(url,) for url in urls])

    def failed_tries(self) -> dict[str, int]:
        """Return the number of failed attempts of each URL that is still to be retried."""
        return dict(self.database.execute("SELECT url, failed FROM tries"))

    def count_try(self, url: str) -> None:
        """Count a failed attempt."""
        self.database.execute(
            "INSERT INTO tries VALUES (?, 1) ON CONFLICT (url) DO UPDATE SET failed = failed + 1", (url,)
        )

    def hand_over(self, url: str, hop: Hop) -> None:
        """Store that the process that merges the shards goes on with `url`."""
        row = (url, json.dumps([hop.url, *hop.redirect_urls]))
        self.database.execute("INSERT OR REPLACE INTO hops VALUES (?, ?)", row)

    def handed_over(self) -> dict[str, Hop]:
        """Return where to go on with each URL that was handed over."""
        hops = ((url, json.loads(hop)) for url, hop in self.database.execute("SELECT url, hop FROM hops"))
        return {url: Hop(hop[0], tuple(hop[1:])) for url, hop in hops}

    def take(self, shard: "Journal") -> None:
        """Add the downloads, images, pages and failed attempts of a shard's journal to this one.

        Raises:
            OSError, sqlite3.Error: writing failed.
        """
        for image in shard.images.iterdir():
            if image.suffix != ".part":
                link_or_copy(image, self.images / image.name)
        self.database.execute("BEGIN")
        for table in ("downloads", "hops", "pages", "tries"):
            rows = shard.database.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 # no outside text
            for row in rows:
                places = ", ".join("?" * len(row))
                self.database.execute(f"INSERT OR REPLACE INTO {table} VALUES ({places})", row)  # noqa: S608
        self.database.execute("COMMIT")

    def page(self, key: str) -> tuple[str, int, bytes, bytes] | None:
        """Look up a fetched page: its URL, status, headers and body."""
        return self.database.execute(
            "SELECT url, status, headers, body FROM pages WHERE key = ?", (key,)
        ).fetchone()

    def page_urls(self) -> list[str]:
        """Return the URLs of all fetched pages, in an order that does not depend on which came first."""
        return [url for (url,) in self.database.execute("SELECT url FROM pages ORDER BY url")]

    def keep_page(self, key: str, url: str, status: int, headers: bytes, body: bytes) -> None:
        """Store a page."""
        row = (key, url, status, headers, body)
        self.database.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?, ?, ?)", row)

    def forget_page(self, url: str) -> None:
        """Delete an unusable page, so that a continued crawl requests it again."""
        self.database.execute("DELETE FROM pages WHERE url = ?", (url,))

    def total(self, name: str) -> float:
        """Return a running total over all processes of this crawl, such as its seconds."""
        found = self.database.execute("SELECT value FROM totals WHERE name = ?", (name,)).fetchone()
        return found[0] if found else 0.0

    def pass_time(self) -> float:
        """Count the seconds since the last call (or since opening) and return the total."""
        now = time.monotonic()
        self.add(SECONDS, now - self.counted_until)
        self.counted_until = now
        return self.total(SECONDS)

    def add(self, name: str, amount: float) -> None:
        """Add to a running total."""
        self.database.execute(
            "INSERT INTO totals VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
            (name, amount),
        )

    def note(self, name: str) -> str:
        """Look up a note of an earlier process; '' if there is none."""
        found = self.database.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return found[0] if found else ""

    def keep_note(self, name: str, value: str) -> None:
        """Store a note for later processes."""
        self.database.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


def search_from(fields: dict[str, Any]) -> Search:
    """Make a search of its fields, as JSON has them."""
    results = tuple(SearchResult(**result) for result in fields["results"])
    values: dict[str, Any] = fields | {"results": results, "faults": tuple(fields["faults"])}
    return Search(**values)


def link_or_copy(source: Path, target: Path) -> None:
    """Link a file to a new path, or copy it where links are impossible; an existing path stays."""
    if target.exists():
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class InUseError(UserError):
    """Another process crawls with this journal."""


@contextmanager
def open_journal(folder: Path, on_volume: bool = False) -> Generator[Journal]:
    """Open the journal in `folder` exclusively; the folder is created if needed.

    With `on_volume`, several machines may use it, one after another.

    Raises:
        UserError: another crawl uses it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InUseError(
                    f"Another crawl is running in {folder}.", "Wait until it has ended, or stop it."
                ) from None
            journal = Journal(folder, on_volume)
            try:
                yield journal
            finally:
                journal.database.close()
    except (OSError, sqlite3.Error) as error:
        raise UserError(
            f"The crawl's journal in {folder} cannot be written: {describe(error)}.",
            "Free disk space or check the folder's owner; then run it again to continue.",
        ) from None


def describe(error: OSError | sqlite3.Error) -> str:
    """Describe a disk error without its path, which may be long."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def discard_journal(folder: Path) -> None:
    """Remove a journal with its images."""
    shutil.rmtree(folder, ignore_errors=True)


def identity(parts: Iterable[object]) -> str:
    """Hash JSON-serialisable `parts` to sixteen hexadecimal digits."""
    text = json.dumps(list(parts), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
