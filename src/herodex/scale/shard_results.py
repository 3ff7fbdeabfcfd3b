"""Results of shards, in folders named by all that they depend on, so that a stopped run continues."""

import hashlib
import os
import platform
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from herodex.scale.code_versions import code_versions

PARTIAL = ".part"
"""The suffix of a result that is being written."""


def shard_key(parts: Iterable[str]) -> str:
    """Hash the inputs and settings of a shard, the code and the versions of libraries.

    Any edit of the code counts, because results of shards only outlive a run that was stopped.
    """
    return hashlib.sha256("\n".join([*parts, str(code_versions())]).encode()).hexdigest()


def finished(results: Path) -> set[str]:
    """List the keys of finished shards.

    A network file system remembers for some seconds that a file does not exist, but not what a folder lists.
    """
    return {path.name for path in results.iterdir() if path.suffix != PARTIAL} if results.is_dir() else set()


@contextmanager
def written(result: Path) -> Generator[Path]:
    """Lend a folder to write a result into; it gets the result's name when it is complete.

    If another process has finished the same result first, that one stays: it has the same content.
    """
    partial = result.with_name(f"{result.name}.{platform.node()}-{os.getpid()}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    try:
        partial.rename(result)
    except OSError:
        if not result.is_dir():
            raise
        shutil.rmtree(partial)


def link_or_copy(source: Path, target: Path) -> None:
    """Make a file available at another path, by a link where the disk allows it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        target.hardlink_to(source)
    except OSError:
        # Another file system, or one without links.
        shutil.copyfile(source, target)
