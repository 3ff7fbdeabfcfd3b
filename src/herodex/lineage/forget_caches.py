"""Clear withdrawn sources from caches and review decisions."""

import fcntl
import shutil
import sqlite3
from collections.abc import Collection, Generator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from herodex import paths
from herodex.curation.review_decisions import read_review, write_review
from herodex.errors import UserError
from herodex.forgotten_list import ForgottenList
from herodex.params import load_params


def journals() -> list[Path]:
    """Return the folders of the journals of unfinished crawls, shards included."""
    return sorted(file.parent for file in paths.CRAWL_STATE.rglob("crawl.db"))


def clear_journals(hashes: Collection[str]) -> None:
    """Delete withdrawn images from the journals of unfinished crawls, and all cached pages and searches.

    Pages and searches may name a withdrawn author; a continued crawl asks for them again.

    Raises:
        UserError: one of the crawls is running, or a journal cannot be written.
    """
    with ExitStack() as locked:
        folders = journals()
        for folder in folders:
            locked.enter_context(_lock(folder))
        for folder in folders:
            _clear_journal(folder, ForgottenList(dict.fromkeys(hashes, "")))
    for results in paths.CRAWL_STATE.glob("*-shards/searches/*.json"):
        results.unlink()


@contextmanager
def _lock(folder: Path) -> Generator[None]:
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"A crawl is running in {folder}.",
                "Wait until it has ended, or stop it; then run this again.",
            ) from None
        yield


def _clear_journal(folder: Path, forgotten: ForgottenList) -> None:
    with _database(folder / "crawl.db") as journal:
        journal.execute("BEGIN")
        for table in ("pages", "searches"):
            journal.execute(f"DELETE FROM {table}")  # noqa: S608 # no outside text
        downloads = journal.execute("SELECT url, sha256 FROM downloads").fetchall()
        gone = [
            (url,) for url, sha256 in downloads if forgotten.has_content(sha256) or forgotten.has_url(url)
        ]
        for table in ("downloads", "tries", "hops"):
            journal.executemany(f"DELETE FROM {table} WHERE url = ?", gone)  # noqa: S608 # no outside text
        journal.execute("COMMIT")
        kept = {sha256 for (sha256,) in journal.execute("SELECT sha256 FROM downloads")}
    for file in (folder / "images").glob("*"):
        # Also those whose download was not stored, because the crawl was killed in between.
        if forgotten.has_content(file.stem) or file.stem not in kept:
            file.unlink()


def count_vectors(pixels: Collection[str]) -> int:
    """Count the vectors of images, by the SHA-256 of their pixels, in the feature cache."""
    if not paths.FEATURE_CACHE.exists():
        return 0
    with _database(paths.FEATURE_CACHE, compact=False) as cache:
        query = "SELECT COUNT(*) FROM vectors WHERE image = ?"
        return sum(cache.execute(query, (each,)).fetchone()[0] for each in pixels)


def clear_feature_cache(pixels: Collection[str]) -> None:
    """Delete the vectors of images from the feature cache, by the SHA-256 of their pixels.

    Raises:
        UserError: the cache cannot be written.
    """
    if paths.FEATURE_CACHE.exists():
        with _database(paths.FEATURE_CACHE) as cache:
            cache.execute("BEGIN")
            cache.executemany("DELETE FROM vectors WHERE image = ?", [(each,) for each in sorted(pixels)])
            cache.execute("COMMIT")


@contextmanager
def _database(file: Path, compact: bool = True) -> Generator[sqlite3.Connection]:
    """Open a SQLite database; with `compact`, no byte of deleted rows stays in its file."""
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("PRAGMA secure_delete = ON")
            yield database
            if compact:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise UserError(
            f"{file} cannot be read or written: {error}.",
            "Wait until no other run uses it, or delete the file; then run this again.",
        ) from None


def clear_shards() -> None:
    """Delete the results of stages that have not finished, and cached shards, which may hold any image."""
    shutil.rmtree(paths.SHARDS, ignore_errors=True)
    shutil.rmtree(paths.PROJECT / paths.BUCKET_CACHE, ignore_errors=True)


def count_review(contents: Collection[str]) -> int:
    """Count the review decisions about images."""
    return len(read_review(paths.REVIEW, load_params()).keys() & set(contents))


def clear_review(contents: Collection[str]) -> None:
    """Delete the review decisions about images; without any, the file stays as it is."""
    decisions = read_review(paths.REVIEW, load_params())
    kept = {sha256: decision for sha256, decision in decisions.items() if sha256 not in contents}
    if len(kept) < len(decisions):
        write_review(paths.REVIEW, kept)
