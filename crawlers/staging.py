"""Write output folders atomically: completely or not at all."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def staged_folder(target: Path) -> Generator[Path]:
    """Yield an empty folder that replaces `target` on success and is removed on an error."""
    staging = target.with_name(f"{target.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        yield staging
        replace_folder(target, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def replace_folder(target: Path, source: Path) -> None:
    """Move the folder `source` to `target`; the previous folder is deleted afterwards."""
    previous = target.with_name(f"{target.name}.old")
    shutil.rmtree(previous, ignore_errors=True)
    if target.exists():
        target.rename(previous)
    source.rename(target)
    shutil.rmtree(previous, ignore_errors=True)
