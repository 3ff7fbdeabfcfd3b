"""Names from a text file, one a line."""

from pathlib import Path

from herodex.errors import UserError
from herodex.params import FEWEST_NAMES


def read_names_file(path: Path) -> list[str]:
    """Read the names in a UTF-8 file, as they are but for white space around them; none if it lists none.

    Blank lines and lines that start with # are skipped. A byte order mark and lines that end in CR LF are
    accepted.

    Raises:
        UserError: the file is missing or not UTF-8, or it lists fewer than FEWEST_NAMES names.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"{path}, the names_file of params.yaml, is missing.",
            "Make it, with one name a line; an empty file means that the Pokédex is crawled.",
        ) from None
    except UnicodeDecodeError as error:
        raise _not_utf8(path, f"byte {error.start + 1}") from None
    except OSError as error:
        raise UserError(
            f"{path}, the names_file of params.yaml, cannot be read: {error.strerror}.",
            "Let it be a text file with one name a line.",
        ) from None
    if "\0" in text:  # UTF-16 without its mark can pass for UTF-8
        raise _not_utf8(path, f"character {text.index(chr(0)) + 1}")
    lines = [line.strip() for line in text.split("\n")]
    names = [line for line in lines if line and not line.startswith("#")]
    if 0 < len(names) < FEWEST_NAMES:
        raise UserError(
            f"{path} lists {len(names)} names; a model of names needs {FEWEST_NAMES} or more.",
            "Add some, or empty the file, and the Pokédex is crawled.",
        )
    return names


def _not_utf8(path: Path, where: str) -> UserError:
    return UserError(f"{path} is not UTF-8, see {where}.", "Save it as UTF-8 in your editor.")
