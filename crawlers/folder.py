"""Read images from the user's folder, without a browser.

The images of a query lie in the sub-folder with its name, at any depth, or in such a sub-folder of `train`,
`val`, `valid`, `validation` and `test`. `groups.csv` may name images that belong together (see
`crawlers.groups`). Nothing is left out in silence: a file that should show an image and
cannot be taken has a row in the manifest, all others are counted in a `FolderContents`.
"""

import hashlib
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crawlers.file_kinds import inspect_file
from crawlers.groups import GROUPS, Groups, check_places, place_key
from crawlers.items import FOLDER, Download, FolderContents, ImageRecord, SearchResult, Status
from crawlers.journal import Journal
from crawlers.manifest import record_of
from crawlers.sources_report import counted, named
from herodex.class_folders import class_folders, folder_name, is_hidden, part_folders, part_named, sub_folders
from herodex.errors import UserError
from herodex.file_kind import HEAD_BYTES
from herodex.forgotten_list import NOTHING, ForgottenList, read_forgotten
from herodex.params import Params
from herodex.progress import track

FORGOTTEN_FILE = "withdrawn: data/forgotten.csv has its content; delete the file"
_ESCAPED = {"Cc", "Zl", "Zp"}
"""Unicode categories of characters that end a line or are not shown."""


@dataclass(frozen=True)
class Entry:
    """A file in a query's folder.

    Attributes:
        query: the query.
        path: where it is.
        extension: of an image, else empty.
        status: why an image is not taken, if it is not.
        reason: explains `status`.
    """

    query: str
    path: Path
    extension: str = ""
    status: Status = Status.OK
    reason: str = ""

    @property
    def is_image(self) -> bool:
        """Tell whether the file is an image, or should be one: it gets a row in the manifest."""
        return bool(self.extension or self.reason)


def read_folder(
    params: Params, journal: Journal, groups: Groups
) -> tuple[list[FolderContents], list[ImageRecord]]:
    """Read the images of each query from its sub-folders of `crawl.web`, sorted by path.

    Args:
        params: `crawl.web` is the folder.
        journal: stores the images.
        groups: the rows of `groups.csv`.

    Returns:
        the contents of each folder, and the rows of the manifest. `image_url` is the path within the folder,
        `title` the file's name, both with escapes for characters that a table cannot hold.
    """
    root, limit = Path(params.crawl.web), params.crawl.images.folder_limit
    forgotten = read_forgotten()
    found = {query: list(entries_of(query, params)) for query in params.queries}
    check_places(
        root, groups, [shown(each.path.relative_to(root)) for all_ in found.values() for each in all_]
    )
    taken = {query: sample([each for each in found[query] if each.is_image], limit) for query in found}
    files = [(rank, entry) for entries in taken.values() for rank, entry in enumerate(entries, start=1)]
    rows = [
        read_file(rank, entry, params, journal, groups, forgotten)
        for rank, entry in track(files, len(files), FOLDER, "images")
    ]
    holds = list(contents(root, [each for entries in found.values() for each in entries], rows))
    return holds, [row for row in rows if row.status is not Status.FORGOTTEN]


def sample(entries: Sequence[Entry], limit: int | None) -> Sequence[Entry]:
    """Take at most `limit` entries at even distances, because names are often ordered by time or subject."""
    if limit is None or len(entries) <= limit:
        return entries
    return [entries[place * len(entries) // limit] for place in range(limit)]


def entries_of(query: str, params: Params) -> Iterator[Entry]:
    """Yield the visible files of a query at any depth, sorted by path within each of its folders."""
    root = Path(params.crawl.web)
    for folder in class_folders(root, params.queries).get(query, []):
        yield from sorted(walk(query, folder, params, frozenset()), key=lambda entry: entry.path.parts)


def walk(query: str, folder: Path, params: Params, above: frozenset[str]) -> Iterator[Entry]:
    """Yield the visible files below a folder; follow links to folders, but in no circle."""
    here = os.path.realpath(folder)
    if here in above:
        yield Entry(query, folder, "", Status.UNREADABLE, "a link to a folder that holds it")
        return
    try:
        paths = [path for path in folder.iterdir() if not is_hidden(path.name)]
    except OSError as error:
        yield Entry(query, folder, "", Status.UNREADABLE, f"the folder cannot be read: {error.strerror}")
        return
    for path in paths:
        if os.path.isdir(path):
            yield from walk(query, path, params, above | {here})
        else:
            yield inspect(query, path, params.crawl.max_image_mb)


def inspect(query: str, path: Path, max_image_mb: float) -> Entry:
    """Tell by its first bytes and its name what a file is."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Entry(query, path, "", Status.UNREADABLE, "no regular file")
        with path.open("rb") as file:
            found = inspect_file(file.read(HEAD_BYTES), path.suffix.lower().removeprefix("."))
    except OSError as error:
        broken = path.is_symlink() and not os.path.exists(path)
        reason = "a link that leads nowhere" if broken else f"it cannot be read: {error.strerror}"
        return Entry(query, path, "", Status.UNREADABLE, reason)
    if found.reason:
        return Entry(query, path, "", Status.NOT_AN_IMAGE, found.reason)
    if found.extension and status.st_size > max_image_mb * 1_000_000:
        return Entry(query, path, found.extension, Status.TOO_LARGE, "larger than crawl.max_image_mb")
    return Entry(query, path, found.extension)


def read_file(
    rank: int,
    entry: Entry,
    params: Params,
    journal: Journal,
    groups: Groups,
    forgotten: ForgottenList = NOTHING,
) -> ImageRecord:
    """Make the row of one entry, and store the bytes of an image that is taken."""
    place = shown(entry.path.relative_to(params.crawl.web))
    download = Download(place, entry.status, entry.reason)
    if entry.status is Status.OK:
        try:
            body = entry.path.read_bytes()
        except OSError as error:
            download = Download(place, Status.UNREADABLE, f"it cannot be read: {error.strerror}")
        else:
            if forgotten.has_content(hashlib.sha256(body).hexdigest()):
                download = Download(place, Status.FORGOTTEN, FORGOTTEN_FILE)
            else:
                download = journal.keep_image(place, body, entry.extension)
    name = shown(Path(entry.path.name))
    result = SearchResult(entry.query, FOLDER, rank, place, "", name, "", "", "")
    group = groups.get(place_key(place))
    return replace(
        record_of(result, download, params.label_of(entry.query)),
        group=group.group if group else "",
        folder_part=folder_part(entry.path.relative_to(params.crawl.web), entry.query),
    )


def folder_part(place: Path, query: str) -> str:
    """Return the part of a data set that the folders above or below a class's folder name.

    Args:
        place: of a file in the user's folder.
        query: the class or distractor.

    Returns:
        `test` if one of the folders is named so, otherwise what the topmost one names, or empty.
    """
    folders = place.parts[:-1]
    at = 0 if folders and folder_name(Path(folders[0])) == query else 1
    named_parts = [part_named(name) for name in (*folders[:at], *folders[at + 1 :])]
    return "test" if "test" in named_parts else next(filter(None, named_parts), "")


def shown(path: Path) -> str:
    r"""Return a path as text, with escapes like `\r` for control characters and `\xe9` for invalid UTF-8."""
    text = os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in _ESCAPED else each
        for each in text
    )


def contents(root: Path, entries: Sequence[Entry], rows: Sequence[ImageRecord]) -> Iterator[FolderContents]:
    """Count what each folder holds; `rows` are those of the taken images."""
    by_folder: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        by_folder.setdefault((entry.query, shown(entry.path.parent.relative_to(root))), []).append(entry)
    places = {row.image_url: row for row in rows}
    for (query, folder), inside in by_folder.items():
        images = [shown(each.path.relative_to(root)) for each in inside if each.is_image]
        taken = [places[place] for place in images if place in places]
        unread: dict[str, list[str]] = {}
        for row in taken:
            if row.status is not Status.OK:
                unread.setdefault(row.reason, []).append(row.image_url)
        other = Counter(each.path.suffix.lower() or "no suffix" for each in inside if not each.is_image)
        yield FolderContents(
            query,
            folder,
            sum(row.status is Status.OK for row in taken),
            unread,
            other,
            len(images) - len(taken),
        )


def unused(params: Params) -> list[str]:
    """Describe what lies in `crawl.web` and belongs to no query: other folders, and files at the top."""
    root = Path(params.crawl.web)
    queries = params.queries
    others = [name for name in class_folders(root, queries) if name not in queries]
    tops = [root, *part_folders(root, queries)]
    files = [
        path
        for top in tops
        for path in top.iterdir()
        if not os.path.isdir(path) and not is_hidden(path.name) and path != root / GROUPS
    ]
    notes: list[str] = []
    if others:
        names = ", ".join(shown(Path(name)) for name in others)
        notes.append(
            f"in neither classes nor distractors: {counted(len(others), 'folder')} of {root}: {names}"
        )
    if files:
        notes.append(f"in no class's folder: {named([shown(file) for file in sorted(files)])}")
    return notes


def held_out_summary(images: Sequence[ImageRecord]) -> list[str]:
    """State how many images lie in test folders, and what decides on their use; empty without any."""
    count = sum(image.status is Status.OK and image.folder_part == "test" for image in images)
    if not count:
        return []
    return [
        f"Images in folders named test: {count}. They are learnt from like the others, unless "
        "classifier.split.test in params.yaml is folder: then they are the test split, never learnt from."
    ]


def check_folder(params: Params) -> None:
    """Check that the folder `crawl.web` has a sub-folder for each query.

    Raises:
        UserError: it cannot be listed, or a sub-folder is missing; the message names all missing ones.
    """
    root = Path(params.crawl.web)
    try:
        folders = class_folders(root, params.queries)
    except OSError as error:
        raise UserError(
            f"crawl.web is the folder '{root}', which cannot be read: {error.strerror}.", "Make it readable."
        ) from None
    if missing := [query for query in params.queries if query not in folders]:
        there = ", ".join(folders) or ", ".join(map(str, sub_folders(root))) or "no folder"
        raise UserError(
            f"crawl.web is the folder '{root}', which has no sub-folder for {', '.join(missing)}; "
            f"it has {there}.",
            f"Put images into {root / missing[0]}, or take {missing[0]} out of params.yaml. "
            "Names must agree in upper and lower case.",
        )
