"""Rules for the names of classes and distractors, and for their display names."""

import difflib
import unicodedata
from collections.abc import Mapping, Sequence

UNKNOWN = "unknown"
"""The label of images of no class; it cannot be a class itself."""
RESERVED = {
    UNKNOWN: "images of no class",
    "all": "the totals of reports",
    "none of these": "the page's answer for images of no class",
}
"""Names that no class can have, with their use."""
SHOWN_FOR_NO_CLASS = {UNKNOWN, "none of these"}
"""Texts for images of no class, which cannot be display names."""

MAX_CLASS_BYTES = 200
"""Bytes in the name of a class, which is a folder's name; file systems allow 255."""
MAX_DISPLAY_CHARACTERS = 60
LISTED = 8
"""Classes that a message lists if none of them resembles a wrong key."""

_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of control characters, lone surrogates and line breaks."""
_BIDI_CONTROLS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""They would reorder the text beside a name."""
_WITHOUT_INK = {*_CONTROLS, "Cf", "Zs", "Mn", "Me"}
"""Categories of characters that show nothing by themselves."""
_FILLERS = set("\u115f\u1160\u2800\u3164\uffa0")
"""Blank characters that Unicode counts as letters and symbols."""
_INVISIBLE = {
    *_BIDI_CONTROLS,
    *map(chr, range(0xFE00, 0xFE10)),
    *"\xad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff",
}
"""Characters that two names may differ in without a visible difference."""


def check_class_name(name: str) -> str:
    """Return the name of a class in Unicode's composed form.

    It names a folder, a search and a file, and is what the page shows.

    Raises:
        ValueError: the name cannot be that of a folder.
    """
    name = unicodedata.normalize("NFC", name)
    if not name.strip():
        raise ValueError("should not be blank")
    if name != name.strip() or name.startswith(".") or "/" in name or "\\" in name:
        raise ValueError("should name a folder: no slash, no dot in front, no blank in front or at the end")
    if _has_controls(name):
        raise ValueError("should name a folder in UTF-8, without line breaks and control characters")
    if not _is_visible(name):
        raise ValueError("should have a visible character")
    if len(name.encode()) > MAX_CLASS_BYTES:
        raise ValueError(f"should have at most {MAX_CLASS_BYTES} bytes")
    return name


def check_display_name(name: str) -> str:
    """Return the display name of a class in Unicode's composed form.

    Raises:
        ValueError: it is too long, shows nothing, breaks lines, or is a text for images of no class.
    """
    name = unicodedata.normalize("NFC", name)
    if not 1 <= len(name) <= MAX_DISPLAY_CHARACTERS:
        raise ValueError(f"should have 1 to {MAX_DISPLAY_CHARACTERS} characters")
    if _has_controls(name) or _BIDI_CONTROLS & set(name):
        raise ValueError("should have no line breaks and no control characters")
    if not _is_visible(name):
        raise ValueError("should have a visible character")
    if name != name.strip():
        raise ValueError("should have no blank in front or at the end")
    if name.casefold() in SHOWN_FOR_NO_CLASS:
        raise ValueError("should be another text, because the page shows this one for images of no class")
    return name


def check_names_differ(names: Sequence[str]) -> None:
    """Check the names of all classes and distractors together.

    Raises:
        ValueError: a name is reserved, repeated, or looks like another one.
    """
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"classes and distractors name {', '.join(repeated)} more than once; remove one")
    if reserved := [name for name in names if reserved_for(name)]:
        raise ValueError(
            f"classes and distractors name '{reserved[0]}', which is reserved for "
            f"{reserved_for(reserved[0])}; choose another name"
        )
    if pair := _first_alike(names):
        one, other = (names[place] for place in pair)
        kind = "invisible characters" if _visible(one) == _visible(other) else "upper and lower case"
        raise ValueError(
            f"classes and distractors name {one!r} and {other!r}, which differ in {kind} only; rename one"
        )


def check_display_names(display_names: Mapping[str, str], names: Sequence[str]) -> None:
    """Check that the page shows each class and distractor differently.

    Raises:
        ValueError: it shows two of them alike.
    """
    if pair := _first_alike([display_names.get(name, name) for name in names]):
        one, other = (names[place] for place in pair)
        shown = display_names.get(other) or display_names[one]
        raise ValueError(
            f"'page.display_names' shows '{one}' and '{other}' both as '{shown}'; give each its own text"
        )


def list_names(names: Sequence[str], most: int) -> str:
    """Join the first `most` names, and count the others: "ant, bee and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def describe_unknown_key(key: str, names: Sequence[str]) -> str:
    """Say that a key of the display names is no class, and which one may be meant."""
    by_key = {_key(name): name for name in names}
    close = difflib.get_close_matches(_key(key), by_key, n=1)
    others = list_names(names, LISTED)
    hint = f"did you mean '{by_key[close[0]]}'?" if close else f"there are {others}"
    return f"'page.display_names' has the key {key!r}, which is no class or distractor ({hint})"


def reserved_for(name: str) -> str:
    """Return the use that a name is reserved for; empty if it is free."""
    return RESERVED.get(name.casefold(), "")


def _has_controls(name: str) -> bool:
    return any(unicodedata.category(each) in _CONTROLS for each in name)


def _is_visible(name: str) -> bool:
    return any(unicodedata.category(each) not in _WITHOUT_INK and each not in _FILLERS for each in name)


def _visible(name: str) -> str:
    return "".join(each for each in name if each not in _INVISIBLE)


def _key(name: str) -> str:
    """Return the form of a name that is equal for names that look alike."""
    return unicodedata.normalize("NFC", _visible(name).casefold())


def _first_alike(names: Sequence[str]) -> tuple[int, int] | None:
    """Return the places of the first two names that look alike."""
    first: dict[str, int] = {}
    for place, key in enumerate(map(_key, names)):
        if key in first:
            return first[key], place
        first[key] = place
    return None
