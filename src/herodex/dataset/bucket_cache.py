"""Shards that live in a bucket, and the folder of this machine that they are read through.

With `storage.layout: bucket`, the folders of cleaned images and features have only their lists of shards.
Which bucket holds the shards says the `params.yaml` of the project that a folder is in, so that its address
is no part of any output.
"""

import contextlib
import fcntl
import logging
import os
import platform
import re
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from threading import Thread, get_ident

from herodex import paths
from herodex.dataset.bucket import Bucket, Stored, download, list_files, parse_bucket, require_bucket, upload
from herodex.dataset.shards import DIGITS, PARTIAL, Shard, missing
from herodex.errors import UserError
from herodex.params import StorageParams, load_params

log = logging.getLogger(__name__)

IMAGES, FEATURES = ".parquet", ".npy"
"""Suffixes of shards. Those of features stay as long as they are in use, because each block of rows needs
many of them."""
SHARD = re.compile(rf"[0-9a-f]{{{DIGITS}}}({re.escape(IMAGES)}|{re.escape(FEATURES)})")
LOCK = ".lock"
AT_ONCE = 2
"""Uploads or downloads at a time: enough to fill a line, few enough for the disk."""
NEWEST = AT_ONCE + 2
"""Shards of images that stay in any case: those that are being uploaded or read."""
STALE_S = 3600
"""Age of a partial download that nobody continues."""


@dataclass(frozen=True)
class Remote:
    """Where the shards of a project are.

    Attributes:
        bucket: that holds all of them.
        cache: the folder with those that were read or written last.
        limit: of the images' shards in the cache, in bytes.
    """

    bucket: Bucket
    cache: Path
    limit: float


def remote_of(folder: Path) -> Remote | None:
    """Return where the shards of an output are; None if they are in its folder.

    Args:
        folder: of the output.

    Raises:
        UserError: the project's `params.yaml` is wrong.
    """
    for project in folder.absolute().parents:
        with contextlib.suppress(FileNotFoundError):
            return _remote_of(project, (project / paths.PARAMS).stat().st_mtime_ns)
    return None


@lru_cache(maxsize=4)
def _remote_of(project: Path, _version: int) -> Remote | None:
    storage = load_params(project / paths.PARAMS).storage
    if storage.layout != "bucket":
        return None
    # Copies of the project for experiments share its cache.
    outer = paths.project_folder(project)
    cache = (project if outer == Path() else outer) / paths.BUCKET_CACHE
    return Remote(parse_bucket(storage.bucket), cache, storage.cache_gb * 1e9)


def remote_to_write(folder: Path, storage: StorageParams) -> Remote | None:
    """Return the bucket for the shards of a stage, after a check that it answers; None for none.

    Raises:
        UserError: it does not.
    """
    if storage.layout != "bucket":
        return None
    remote = remote_of(folder)
    if remote is None:
        raise UserError(f"{folder} is in no project whose params.yaml names a bucket.", "Set storage.bucket.")
    require_bucket(remote.bucket)
    remote.cache.mkdir(parents=True, exist_ok=True)
    return remote


@contextlib.contextmanager
def uploading(remote: Remote | None, folder: Path | None = None) -> Generator[Callable[[Shard], None]]:
    """Lend a function that uploads a shard while the next one is written; wait at the end.

    Without a bucket, the function does nothing. A shard that is in the bucket is not uploaded again.

    Args:
        remote: with the bucket.
        folder: of the shards; by default the cache.
    """
    if remote is None:
        yield lambda shard: None
        return
    waiting = deque[Future[bool]]()
    uploaded: list[bool] = []
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def add(shard: Shard) -> None:
            waiting.append(pool.submit(_upload, remote, folder or remote.cache, shard))
            while len(waiting) > AT_ONCE:
                uploaded.append(waiting.popleft().result())

        try:
            yield add
            uploaded += [each.result() for each in waiting]
        finally:
            pool.shutdown(cancel_futures=True)
    new = sum(uploaded)
    log.info("%d shards uploaded to %s, %d were there", new, remote.bucket.address(), len(uploaded) - new)


def _upload(remote: Remote, folder: Path, shard: Shard) -> bool:
    new = upload(remote.bucket, folder / shard.name, shard.bytes, shard.sha256)
    trim(remote)
    return new


def shard_file(folder: Path, shard: Shard) -> Path:
    """Return the file of a shard: in its folder, or in the cache, where it is downloaded if need be.

    Raises:
        UserError: it is missing or damaged.
    """
    file = folder / shard.name
    if file.exists():
        return file
    if (remote := remote_of(folder)) is None:
        raise missing(file)
    return cached(remote, shard)


def stored_shards(remote: Remote) -> list[Stored]:
    """List the shards in a bucket; other files below its prefix, such as a remote of DVC, are none.

    Raises:
        UserError: the bucket cannot be used.
    """
    return [each for each in list_files(remote.bucket) if SHARD.fullmatch(each.name)]


def cached(remote: Remote, shard: Shard) -> Path:
    """Return the file of a shard in the cache, and download it if it is not there.

    Raises:
        UserError: it is missing or damaged in the bucket.
    """
    file = remote.cache / shard.name
    if _is_whole(file, shard):
        # The shards that were asked for longest ago go first.
        os.utime(file)
        return file
    remote.cache.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        if not _is_whole(file, shard):
            unfinished = file.with_name(f"{file.stem}.{platform.node()}-{os.getpid()}-{get_ident()}{PARTIAL}")
            download(remote.bucket, shard.name, unfinished, shard.sha256)
            unfinished.replace(file)
    trim(remote)
    return file


def _is_whole(file: Path, shard: Shard) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return file.stat().st_size == shard.bytes
    return False


@contextlib.contextmanager
def _locked(file: Path) -> Generator[None]:
    """Let one thread of one process download a file; the others wait, and find it."""
    lock = file.with_suffix(LOCK)
    with lock.open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def cached_with_next(remote: Remote, shard: Shard, following: Shard | None) -> Path:
    """Return the file of a shard in the cache, and download the following one in the background."""
    file = cached(remote, shard)
    if following:
        there = remote.cache / following.name
        if not _is_whole(there, following) and not there.with_suffix(LOCK).exists():
            Thread(target=_try_to_cache, args=(remote, following), daemon=True).start()
    return file


def _try_to_cache(remote: Remote, shard: Shard) -> None:
    # Who needs the shard reports the error.
    with contextlib.suppress(UserError, OSError):
        cached(remote, shard)


def cache_all(folder: Path, shards: Sequence[Shard]) -> list[Path]:
    """Return the files of all shards of a table of features, and forget those of other tables.

    Raises:
        UserError: one is missing or damaged.
    """
    absent = [shard for shard in shards if not (folder / shard.name).exists()]
    if absent and (remote := remote_of(folder)):
        new = [shard for shard in absent if not _is_whole(remote.cache / shard.name, shard)]
        if new:
            log.info(
                "%d shards, %.0f MB, are read from the bucket", len(new), sum(s.bytes for s in new) / 1e6
            )
            keep_features(remote, shards)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(partial(shard_file, folder), shards))


def keep_features(remote: Remote, shards: Sequence[Shard]) -> None:
    """Delete the shards of features in the cache that are not listed."""
    names = {shard.name for shard in shards}
    for file in remote.cache.glob(f"*{FEATURES}"):
        if file.name not in names:
            file.unlink(missing_ok=True)


def trim(remote: Remote) -> None:
    """Delete shards of images until the others fit the limit, and what a killed process has left.

    A process that still reads a deleted file can read it to its end.
    """
    files = [(stat, file) for file in remote.cache.glob(f"*{IMAGES}") if (stat := _stat(file))]
    files.sort(key=lambda each: each[0].st_mtime_ns, reverse=True)
    size = 0
    for place, (stat, file) in enumerate(files):
        size += stat.st_size
        if size > remote.limit and place >= NEWEST:
            file.unlink(missing_ok=True)
    for file in remote.cache.glob(f"*{PARTIAL}"):
        if (stat := _stat(file)) and time.time() - stat.st_mtime > STALE_S:
            file.unlink(missing_ok=True)


def _stat(file: Path) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError):
        return file.stat()
    return None
