"""Files of trained models: completeness and content hash."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from herodex.errors import UserError


def require_files(files: Iterable[Path], model: str) -> None:
    """Check that a model's files are there.

    Raises:
        UserError: it names the missing files; `model` names the model in the message.
    """
    if missing := [str(file) for file in files if not file.exists()]:
        raise UserError(
            f"The trained {model} is incomplete: {', '.join(missing)} missing.", "Run `make run`."
        )


def content_hash(files: Iterable[Path]) -> str:
    """Compute the sha256 of the files' concatenated contents, in hexadecimal digits."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
