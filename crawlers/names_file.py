"""Read names from a text file with one name per line."""

from pathlib import Path

from herodex.errors import UserError
from herodex.params import FEWEST_NAMES


def read_names_file(path: Path) -> list[str]:
    """Read the names in a UTF-8 file, without surrounding white space.

    Blank lines and lines that start with # are skipped. A byte order mark and Windows line ends are accepted.
    The list may be empty.

    Raises:
        UserError: the file is missing or not UTF-8, or it lists 1 to FEWEST_NAMES - 1 names.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"{path}, the names_file of params.yaml, is missing.",
            "Create it with one name per line, or empty to crawl the Pokédex.",
        ) from None
    except UnicodeDecodeError as error:
        raise _not_utf8(path, f"byte {error.start + 1}") from None
    except OSError as error:
        raise UserError(
            f"{path}, the names_file of params.yaml, cannot be read: {error.strerror}.",
            "Make it a text file with one name per line.",
        ) from None
    if "\0" in text:  # UTF-16 without a byte order mark can be valid UTF-8
        raise _not_utf8(path, f"character {text.index(chr(0)) + 1}")
    lines = [line.strip() for line in text.split("\n")]
    names = [line for line in lines if line and not line.startswith("#")]
    if 0 < len(names) < FEWEST_NAMES:
        raise UserError(
            f"{path} lists {len(names)} names; the generator needs {FEWEST_NAMES} or more.",
            "Add some, or empty the file to crawl the Pokédex.",
        )
    return names


def _not_utf8(path: Path, where: str) -> UserError:
    return UserError(f"{path} is not UTF-8, see {where}.", "Save it as UTF-8 in your editor.")
