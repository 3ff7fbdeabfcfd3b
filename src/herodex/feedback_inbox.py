"""Inbox of images that visitors report as wrongly classified, until a person accepts or rejects them.

`data/feedback/inbox/<sha256>.png` is an image, `<sha256>-<hash of the class>.json` a report on it. Nothing in
the inbox is training data. `data/feedback/rejected.txt` lists the hashes of rejected images, and
`data/feedback/accepted` is described in `herodex.accepted_feedback`.
"""

import csv
import fcntl
import hashlib
import io
import json
import os
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from herodex.accepted_feedback import ACCEPTED, COLUMNS, MANIFEST, AcceptedImage, read_rows
from herodex.errors import UserError
from herodex.json_record import read_json

INBOX, REJECTED = "inbox", "rejected.txt"
"""Names in the folder of feedback."""
FILE_BYTES = 4096
"""Bytes that the smallest file takes on the disk."""
_IMAGE = re.compile(r"[0-9a-f]{64}\.png")
_PARTIAL = ".part"


class InboxFullError(Exception):
    """The inbox has no room for another report."""


@dataclass(frozen=True)
class Report:
    """A visitor's correction of an answer.

    Attributes:
        sha256: of the stored PNG file.
        label: the class that the visitor chose, or `unknown`.
        answered: the answer that the visitor corrects.
        model: that gave it, as the page stated it.
        license: of the image, as the page stated it to the visitor.
        time: of the report in UTC, to the minute.
    """

    sha256: str
    label: str
    answered: str
    model: str
    license: str
    time: str


FIELDS = ("sha256", "class", "answered", "model", "license", "time")
"""The fields of a report in its file, in the order of `Report`."""


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Hold a folder's lock, which each process takes to change a file in it."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def store_report(feedback: Path, report: Report, png: bytes, max_bytes: float) -> bool:
    """Store a report and its image, completely or not at all.

    Args:
        feedback: the folder of feedback.
        report: on the image.
        png: the image.
        max_bytes: most bytes of all files in the inbox.

    Returns:
        whether anything was stored: a repeated report, and one on a decided image, change nothing.

    Raises:
        InboxFullError: the inbox would exceed `max_bytes`.
        OSError: writing failed, for example on a full disk.
    """
    inbox = feedback / INBOX
    with locked(feedback):
        inbox.mkdir(exist_ok=True)
        image, note = (
            inbox / f"{report.sha256}.png",
            inbox / f"{report.sha256}-{short_hash(report.label)}.json",
        )
        if note.exists() or is_decided(feedback, report.sha256):
            return False
        text = json.dumps(dict(zip(FIELDS, astuple(report), strict=True)), ensure_ascii=False).encode()
        remove_leftovers(inbox)
        new_image = not image.exists()
        needed = size_on_disk(len(text)) + (size_on_disk(len(png)) if new_image else 0)
        if count_bytes(inbox) + needed > max_bytes:
            raise InboxFullError
        if new_image:
            write_whole(image, png)
        try:
            write_whole(note, text)
        except OSError:
            if new_image:
                image.unlink()
            raise
    return True


def is_decided(feedback: Path, sha256: str) -> bool:
    """Return whether a person has accepted or rejected an image."""
    return sha256 in rejected(feedback) or any((feedback / ACCEPTED).glob(f"*/{sha256}.png"))


def rejected(feedback: Path) -> set[str]:
    """Return the hashes of rejected images."""
    try:
        return set((feedback / REJECTED).read_text(encoding="ascii").split())
    except FileNotFoundError:
        return set()


def remove_leftovers(inbox: Path) -> None:
    """Remove the files that a killed process left: parts, and images without a report."""
    # Only the holder of the lock writes.
    names = os.listdir(inbox)
    reported = {name.partition("-")[0] for name in names if name.endswith(".json")}
    for name in names:
        unreported = _IMAGE.fullmatch(name) and name.removesuffix(".png") not in reported
        if name.endswith(_PARTIAL) or unreported:
            (inbox / name).unlink()


def count_bytes(inbox: Path) -> int:
    """Count the bytes that the inbox takes."""
    with os.scandir(inbox) as files:
        return sum(size_on_disk(file.stat().st_size) for file in files)


def size_on_disk(size: int) -> int:
    """Return the bytes that a file takes at least; otherwise many tiny files would fill a disk."""
    return max(size, FILE_BYTES)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it appears complete or not at all.

    Raises:
        OSError: writing failed; no part of the file is left.
    """
    partial = path.with_name(f".{path.name}{_PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def short_hash(text: str) -> str:
    """Hash a text to eight hexadecimal digits for a file's name."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def read_inbox(feedback: Path) -> dict[str, list[Report]]:
    """Read the reports on each image of the inbox, the oldest image first.

    Raises:
        UserError: a report is damaged.
    """
    inbox = feedback / INBOX
    found: dict[str, list[Report]] = {}
    for image in sorted(inbox.glob("*.png")) if inbox.is_dir() else []:
        if not _IMAGE.fullmatch(image.name):
            continue
        reports = [read_report(note) for note in sorted(inbox.glob(f"{image.stem}-*.json"))]
        if reports:
            found[image.stem] = sorted(reports, key=lambda report: (report.time, report.label))
    return dict(sorted(found.items(), key=lambda item: (item[1][0].time, item[0])))


def read_report(note: Path) -> Report:
    """Read one report.

    Raises:
        UserError: it is damaged.
    """
    fields = read_json(note, "Remove the file.")
    values = [fields[name] for name in FIELDS]
    if not all(isinstance(value, str) for value in values):
        raise UserError(f"{note} is damaged: a field is no text.", "Remove the file.")
    return Report(*values)


def reject_image(feedback: Path, sha256: str) -> None:
    """Delete an image with its reports, and remember its hash; the caller holds the lock."""
    hashes = rejected(feedback) | {sha256}
    write_whole(feedback / REJECTED, "".join(f"{each}\n" for each in sorted(hashes)).encode())
    remove_image(feedback, sha256)


def remove_image(feedback: Path, sha256: str) -> None:
    """Delete an image and its reports from the inbox; the caller holds the lock."""
    # An image without a report is removed with the next one that is stored.
    for note in (feedback / INBOX).glob(f"{sha256}-*.json"):
        note.unlink()
    (feedback / INBOX / f"{sha256}.png").unlink(missing_ok=True)


def remove_accepted(folder: Path, sha256: str) -> None:
    """Delete an image from the folder of accepted images; the caller holds the lock.

    Raises:
        UserError: the manifest is damaged.
    """
    rows = read_rows(folder)
    others = [row for row in rows if row.sha256 != sha256]
    if len(others) < len(rows):
        write_accepted(folder, others)
    for file in folder.glob(f"*/{sha256}.png"):
        file.unlink()


def write_accepted(folder: Path, rows: Sequence[AcceptedImage]) -> None:
    """Replace the manifest of accepted images atomically; rows are sorted by hash."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in sorted(rows, key=lambda row: row.sha256))
    write_whole(folder / MANIFEST, text.getvalue().encode())
