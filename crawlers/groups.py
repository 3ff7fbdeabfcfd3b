"""Read `groups.csv`, which names the images of a user's folder that belong together.

Images of one patient, video or session are more alike than images of another one. All images of a group stay
in one fold and one split, so that no figure comes from images whose group was learnt from.
"""

import csv
import io
import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crawlers.items import ImageRecord, Status
from crawlers.sources_report import counted, named
from herodex.errors import UserError

GROUPS = "groups.csv"
"""Name of the file at the top of the user's folder."""
PATH, GROUP = "path", "group"
"""Columns that the file needs."""
_EXAMPLE = (
    f"Write {PATH},{GROUP} into the first line, then a line such as tea/1.jpg,patient 7 for each image."
)


@dataclass(frozen=True)
class GroupRow:
    """A row of `groups.csv`: its line, the path as it is written, and the group."""

    line: int
    path: str
    group: str


Groups = Mapping[str, GroupRow]
"""The rows by `place_key` of their paths."""


def place_key(path: str) -> str:
    """Return a path within the folder as it is compared: with slashes, in Unicode's composed form."""
    return unicodedata.normalize("NFC", PurePosixPath(path.strip().replace("\\", "/")).as_posix())


def read_groups(root: Path) -> Groups:
    """Read `groups.csv` of a user's folder; without the file there are no groups.

    Raises:
        UserError: the file is not CSV in UTF-8, lacks a column, lists no image, lists one twice, or has a
            line without path or group.
    """
    file = root / GROUPS
    try:
        text = file.read_text(encoding="utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Make it a readable file.") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{file} is not valid CSV in UTF-8: {error}.", "Save it as CSV in UTF-8.") from None
    if not rows:
        raise UserError(f"{file} is empty.", f"{_EXAMPLE} Or remove the file.")
    (line, header), *body = rows
    columns = [name.strip() for name in header]
    if missing := [name for name in (PATH, GROUP) if columns.count(name) != 1]:
        raise UserError(
            f"{file}, line {line}: no column {' and no column '.join(missing)}, or several; "
            f"the line is '{','.join(header)}'.",
            _EXAMPLE,
        )
    if not body:
        raise UserError(f"{file} lists no image.", f"{_EXAMPLE} Or remove the file.")
    return _parse(file, columns, body)


def _parse(file: Path, columns: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> Groups:
    found: dict[str, GroupRow] = {}
    for line, cells in rows:
        where = f"{file}, line {line}"
        if len(cells) != len(columns):
            raise UserError(
                f"{where}: {counted(len(cells), 'value')} instead of {len(columns)}.",
                "Correct that line; put values that contain a comma in double quotes.",
            )
        path = cells[columns.index(PATH)].strip()
        group = unicodedata.normalize("NFC", cells[columns.index(GROUP)].strip())
        if not path or not group:
            raise UserError(
                f"{where}: the {GROUP if path else PATH} is empty.",
                "Fill it in, or remove that line: an image without a line is a group of its own.",
            )
        if earlier := found.get(place_key(path)):
            raise UserError(
                f"{where}: '{path}' is already in line {earlier.line}.", "Keep one line for each image."
            )
        found[place_key(path)] = GroupRow(line, path, group)
    return found


def check_places(root: Path, groups: Groups, places: Sequence[str]) -> None:
    """Check that the folder holds every path of `groups.csv`.

    Args:
        root: the user's folder.
        groups: the rows.
        places: paths of the files that were found, as the manifest has them.

    Raises:
        UserError: it does not; the message names the first path, and counts the others.
    """
    there = {place_key(place) for place in places}
    absent = [row for key, row in groups.items() if key not in there and not _exists(root, row.path)]
    if absent:
        others = f", nor are the paths of {counted(len(absent) - 1, 'other line')}" if absent[1:] else ""
        raise UserError(
            f"{root / GROUPS}, line {absent[0].line}: '{absent[0].path}' is not in {root}{others}.",
            "Write paths relative to that folder, such as tea/1.jpg, or remove the lines.",
        )


def _exists(root: Path, path: str) -> bool:
    place = PurePosixPath(path.replace("\\", "/"))
    return not place.is_absolute() and ".." not in place.parts and os.path.lexists(root / place)


def groups_summary(images: Sequence[ImageRecord]) -> list[str]:
    """State how many images are in how many groups; empty without groups."""
    kept = [image for image in images if image.status is Status.OK]
    grouped = [image.group for image in kept if image.group]
    if not grouped:
        return []
    groups = counted(len(set(grouped)), "group")
    return [
        f"Images in groups of {GROUPS}: {len(grouped)} in {groups}. "
        f"Images without a line, each a group of its own: {len(kept) - len(grouped)}."
    ]


def unused_rows(groups: Groups, images: Sequence[ImageRecord]) -> list[str]:
    """Name the paths of `groups.csv` that lie in the folder, but are no images of a class or distractor."""
    used = {place_key(image.image_url) for image in images}
    idle = [row.path for key, row in groups.items() if key not in used]
    return [f"{GROUPS}: no image that was taken: {named(idle)}"] if idle else []
