"""Read a YAML file, and find its keys and values as they are written, for messages."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import yaml

from herodex.errors import UserError

CORRECT = "Correct the file and run again."
MOST_SHOWN = 100
"""Characters of a value in a message."""
TEXT_TAG = "tag:yaml.org,2002:str"


def read_yaml(path: Path) -> tuple[object, yaml.Node | None]:
    """Read the values of a file, and the nodes that they were read from; an empty file has none.

    Raises:
        UserError: the file is missing, is not YAML in UTF-8, or has a key twice.
    """
    text = _read_text(path)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        # First, because merge keys (`<<`) become keys of their section when values are made.
        repeated = _repeated_key(root, "", set())
        values = cast("object", loader.construct_document(root)) if root else None
    except yaml.YAMLError as error:
        where = str(error).replace("\n", " ")
        raise UserError(f"{path} is not valid YAML: {shorten(where)}.", "Correct that line.") from None
    except RecursionError:
        raise UserError(f"{path} has lists or sections hundreds of levels deep.", CORRECT) from None
    except ValueError as error:
        problem = f"{path} has a date or a number that YAML cannot read: {error}."
        raise UserError(problem, "Correct it, or put it in quotes.") from None
    if repeated:
        raise UserError(f"{path}: key '{shorten(repeated)}' is there twice; remove one.", CORRECT)
    return values, root


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path} is missing.", "Run the command in the project's folder.") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not UTF-8, see byte {error.start + 1}.", "Save it as UTF-8 in your editor."
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Make it a readable file.") from None


def show(value: object) -> str:
    """Return a value as a message shows it."""
    try:
        return shorten(repr(value))
    except ValueError:
        # Python converts integers of up to 4,300 digits.
        return "a number of thousands of digits"


def shorten(text: str) -> str:
    """Cut a text off for a message."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _repeated_key(node: yaml.Node | None, place: str, checked: set[int]) -> str:
    """Return the place of the first key that a section has twice; empty if there is none.

    Args:
        node: of the section.
        place: of the section.
        checked: ids of the nodes that are checked already: an alias may lead back to its own section.
    """
    if node is None or isinstance(node, yaml.ScalarNode) or id(node) in checked:
        return ""
    checked.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return next((found for each in node.value if (found := _repeated_key(each, place, checked))), "")
    names: set[str] = set()
    for key, value in node.value:
        name = f"{place}.{written_scalar(key)}".lstrip(".")
        if isinstance(key, yaml.ScalarNode) and name in names:
            return name
        names.add(name)
        if found := _repeated_key(value, name, checked):
            return found
    return ""


def written_key(mapping: yaml.Node | None, value: object) -> str:
    """Return the key of a mapping as it is written in the file, from the value that YAML reads."""
    keys = [key for key, _ in mapping.value] if isinstance(mapping, yaml.MappingNode) else []
    written = [written_scalar(key) for key in keys if key.tag != TEXT_TAG]
    # Equality alone would take `no` for 0.
    return next((each for each in written if show(yaml.safe_load(each)) == show(value)), "")


def written_scalar(node: yaml.Node | None) -> str:
    """Return a scalar as it is written in the file; empty if the node is none."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def node_at(node: yaml.Node | None, location: Sequence[int | str]) -> yaml.Node | None:
    """Return the node at a place in the file; None if there is none."""
    for part in location:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        else:
            return None
    return node
