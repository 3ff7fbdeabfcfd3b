"""The list of words that the network reads before it reads names: plain text, one word a line."""

from collections.abc import Iterable
from pathlib import Path

from herodex.errors import UserError


def read_words(path: Path) -> list[str]:
    """Read the words.

    Raises:
        UserError: there is no such file.
    """
    try:
        return path.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run `dvc repro`, which makes it.") from None


def write_words(path: Path, words: Iterable[str]) -> None:
    """Write words, none of which has a line break in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
