"""Check the project before the pipeline runs: settings, and files that DVC cannot read."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.params import load_params

log = logging.getLogger(__name__)

OWN_IMAGES = paths.DATA / "own_images"
IGNORED = paths.DATA / ".dvcignore"
_HEADER = "# Written by `make run`: files of own_images that DVC cannot watch. See reports/sources.md.\n"


def unreadable_files(folder: Path) -> Iterator[Path]:
    """Yield what DVC cannot read: names not in UTF-8, links that lead nowhere, no regular files."""
    for here, folders, files in os.walk(folder):
        for name in [*folders]:
            path = Path(here, name)
            if not _is_utf8(name) or not os.access(path, os.R_OK | os.X_OK):
                folders.remove(name)
                yield path
        yield from (
            Path(here, name) for name in files if not _is_utf8(name) or not _is_readable(Path(here, name))
        )


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= each <= "\udfff" for each in name)


def _is_readable(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode) and os.access(path, os.R_OK)
    except OSError:
        return False


def pattern(path: Path) -> str:
    """Return the line of a `.dvcignore` in `data/` that matches a path; `?` replaces special characters."""
    text = path.relative_to(IGNORED.parent).as_posix()
    return "/" + "".join(each if each.isprintable() and each not in "[]*!#\\ " else "?" for each in text)


def ignore_unreadable_files(folder: Path = OWN_IMAGES) -> None:
    """Let DVC ignore the files that it cannot read, because it would stop at the first one."""
    lines = sorted({pattern(path) for path in unreadable_files(folder)})
    if lines:
        IGNORED.write_text(_HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        log.warning("DVC cannot watch %d files of %s, which %s lists", len(lines), folder, IGNORED)
    else:
        IGNORED.unlink(missing_ok=True)


def check_review() -> None:
    """Check that the decisions are in a file.

    Raises:
        UserError: they are not.
    """
    if not paths.REVIEW.is_file():
        what = "a folder" if paths.REVIEW.is_dir() else "missing"
        raise UserError(
            f"{paths.REVIEW}, the file of review decisions, is {what}.",
            f"Restore it: git checkout {paths.REVIEW}. Without decisions, its only line is"
            " `sha256,decision,class`.",
        )


def main() -> None:
    """Check the project; silent when it is right."""
    load_params()
    check_review()
    ignore_unreadable_files()


if __name__ == "__main__":
    run_command(main)
