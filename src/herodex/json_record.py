"""Read JSON records of models and reports, which another version may have written."""

import json
from pathlib import Path
from typing import Any

from herodex.errors import UserError

MAKE_AGAIN = "Run `make run`."


class Record(dict[str, Any]):
    """A JSON object; reading a field that it lacks is a user error, which names the record."""

    def __init__(self, fields: dict[str, Any], name: str, fix: str) -> None:
        super().__init__(fields)
        self._name, self._fix = name, fix

    def __missing__(self, field: str) -> Any:
        """Refuse to read a missing field.

        Raises:
            UserError: always.
        """
        raise UserError(f"{self._name} was written by another version: it has no '{field}'.", self._fix)


def parse_json(text: str, name: str, fix: str = MAKE_AGAIN) -> Record:
    """Parse a JSON object.

    Args:
        text: the JSON.
        name: of the record in messages, such as its path.
        fix: what to do if the record is damaged or lacks a field.

    Raises:
        UserError: the text is no JSON object.
    """
    try:
        found: object = json.loads(text, object_hook=lambda fields: Record(fields, name, fix))
    except ValueError as error:
        raise UserError(f"{name} is damaged: {error}.", fix) from None
    if not isinstance(found, Record):
        raise UserError(f"{name} is damaged: it is no JSON object.", fix)
    return found


def read_json(file: Path, fix: str = MAKE_AGAIN) -> Record:
    """Read a file with a JSON object.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{file} is missing.", fix) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is damaged: {error}.", fix) from None
    return parse_json(text, str(file), fix)
