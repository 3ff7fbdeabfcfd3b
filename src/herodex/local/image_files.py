"""Find files in folders, and read them, whatever their names and contents."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from herodex.class_folders import is_hidden
from herodex.errors import UserError
from herodex.inference.image_decoding import ImageError

MAX_FILE_MB = 256
"""Files of more are not read; the largest accepted PNG has 200 MB without compression."""


class UnreadableError(Exception):
    """A file or folder cannot be read; the message says why."""


@dataclass
class FoundFiles:
    """Files found in folders, in a stable order.

    Attributes:
        files: each file once, in the order of the arguments, then by name.
        unreadable: folders that cannot be listed, with the reason; they are in `files` too.
        hidden: number of hidden files and folders, which are left out.
        linked: number of links to folders, which are not followed.
    """

    files: list[Path] = field(default_factory=list[Path])
    unreadable: dict[Path, str] = field(default_factory=dict[Path, str])
    hidden: int = 0
    linked: int = 0


def find_files(arguments: Iterable[Path], leave_out: Path | None = None) -> FoundFiles:
    """Find the files that are given, and those at any depth in folders that are given.

    Args:
        arguments: files and folders.
        leave_out: a file in one of the folders that is no image, such as the table of answers.

    Raises:
        UserError: an argument does not exist, or there is no file.
    """
    arguments = list(arguments)
    if missing := [show_path(path) for path in arguments if not os.path.lexists(path)]:
        raise UserError(f"{', '.join(missing)} does not exist.", "Give files or folders of images.")
    found, seen = FoundFiles(), {os.path.abspath(leave_out)} if leave_out else set[str]()
    for argument in arguments:
        for path in walk(argument, found) if argument.is_dir() else [argument]:
            place = os.path.abspath(path)
            if place not in seen:
                seen.add(place)
                found.files.append(path)
    if not found.files:
        hidden = " except hidden ones" if found.hidden else ""
        named = ", ".join(map(show_path, arguments))
        raise UserError(f"There is no file in {named}{hidden}.", "Give files or folders of images.")
    return found


def walk(root: Path, found: FoundFiles) -> Iterator[Path]:
    """Yield the files in a folder at any depth, by name; count in `found` what is left out."""
    # Folders may be nested deeper than Python's calls.
    waiting = [root]
    while waiting:
        path = waiting.pop()
        if path != root and (path.is_symlink() or not os.path.isdir(path)):
            yield path
            continue
        try:
            names = sorted(os.listdir(path), key=os.fsencode, reverse=True)
        except OSError as error:
            found.unreadable[path] = describe_error(error)
            yield path
            continue
        for name in names:
            child = path / name
            if is_hidden(name):
                found.hidden += 1
            elif child.is_symlink() and os.path.isdir(child):
                found.linked += 1
            else:
                waiting.append(child)


def read_image_file(path: Path) -> bytes:
    """Read a file.

    Raises:
        UnreadableError: it is missing, empty, too large or no regular file, or may not be read.
    """
    try:
        status = path.stat()
        # A pipe or a device might never end.
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("it is not a regular file")
        if status.st_size > MAX_FILE_MB * 2**20:
            raise UnreadableError(f"it has {status.st_size / 2**20:,.0f} MB, more than {MAX_FILE_MB}")
        data = path.read_bytes()
    # A name with a null character is a ValueError.
    except (OSError, ValueError) as error:
        raise UnreadableError(describe_error(error)) from None
    if not data:
        raise UnreadableError("it is empty")
    return data


def describe_error(error: OSError | ValueError) -> str:
    """Say why the system refuses to read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"it cannot be read ({reason.lower()})"


def show_path(path: str | os.PathLike[str]) -> str:
    r"""Return a path as text in UTF-8; bytes of other encodings become `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: ImageError | UnreadableError) -> str:
    """Return an error's message without control characters, which a file's contents may have put there."""
    return printable(str(error))


def printable(text: str) -> str:
    r"""Escape line breaks and other characters that would disturb a terminal or a row, as `\n`."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text
    )
