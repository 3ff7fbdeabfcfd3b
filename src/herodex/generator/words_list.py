"""Word list for pretraining: plain text, one word per line."""

from collections.abc import Iterable
from pathlib import Path

from herodex.errors import UserError


def read_words(path: Path) -> list[str]:
    """Read the words.

    Raises:
        UserError: The file is missing.
    """
    try:
        return path.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which creates it.") from None


def write_words(path: Path, words: Iterable[str]) -> None:
    """Write words, none of which may contain a line break."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
