"""A trained model is its files: whether they are there, and what names them by content."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from herodex.errors import UserError


def require_files(files: Iterable[Path], model: str) -> None:
    """Check that the files of a model, as people call it, are there.

    Raises:
        UserError: it names those that are missing.
    """
    if missing := [str(file) for file in files if not file.exists()]:
        raise UserError(
            f"The trained {model} is incomplete: {', '.join(missing)} missing.", "Run `make run`."
        )


def content_hash(files: Iterable[Path]) -> str:
    """The sha256 of the files' contents, one after the other, as hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
