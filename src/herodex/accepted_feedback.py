"""Reported images that a person accepted as training data.

`data/feedback/accepted/<class>/<sha256>.png` is an image. `manifest.csv` beside the classes has a row for
each, with the licence that `serve.feedback.license` stated when it was reported.
"""

import csv
import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

from herodex.errors import UserError

ACCEPTED = "accepted"
"""The name of their folder in the folder of feedback."""
MANIFEST = "manifest.csv"
VISITOR = "a visitor of the service"
"""The author of reported images."""


@dataclass(frozen=True)
class AcceptedImage:
    """A row of the manifest.

    Attributes:
        sha256: of the file.
        label: class, distractor or `unknown`, as the reviewer decided; the name of the file's folder.
        license: of the image.
        answered: the answer that a visitor reported as wrong.
        model: that gave it.
        time: of the report in UTC, to the minute.
    """

    sha256: str
    label: str
    license: str
    answered: str
    model: str
    time: str

    @property
    def file(self) -> str:
        """The path of the image within the folder of accepted images."""
        return f"{self.label}/{self.sha256}.png"


COLUMNS = [field.name for field in fields(AcceptedImage)]


def read_rows(folder: Path) -> list[AcceptedImage]:
    """Read the manifest; without one there is no accepted image.

    Raises:
        UserError: the manifest is damaged.
    """
    path = folder / MANIFEST
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not valid CSV in UTF-8: {error}.", "Repair the file by hand.") from None
    if header != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise UserError(f"{path} has other columns than {','.join(COLUMNS)}.", "Repair the file by hand.")
    return [AcceptedImage(*row) for row in rows]


def read_image(folder: Path, row: AcceptedImage) -> bytes:
    """Read an accepted image and check its hash.

    Raises:
        UserError: the file is missing, unreadable or another one than the person accepted.
    """
    path = folder / row.file
    fix = f"Restore the file, or remove its row from {folder / MANIFEST}."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", fix) from None
    if hashlib.sha256(data).hexdigest() != row.sha256:
        raise UserError(f"{path} was changed after it was accepted.", fix)
    return data
