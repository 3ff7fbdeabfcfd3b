"""The two spellings of a name: the lower-case text that the model reads, and the form that people see."""

import re
import unicodedata
from collections.abc import Callable

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`\uff07", "'"))
"""Typographic apostrophes, and what is typed for one; the plain one stands for all of them."""

HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"))
"""Hyphens, dashes and the minus sign; the plain hyphen stands for all of them."""

MARKS = str.maketrans(dict.fromkeys('\u2122\u00ae\u00a9\u2120*\u2020\u2021"\u201c\u201d\u201e\u00ab\u00bb'))
"""Marks of trade and of footnotes, and double quotes: they are about a name, not of it."""

INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width spaces, which Python's `str.split` does not take for white space."""

VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f]")
"""They choose how a sign is drawn: ♀ as text or as an emoji."""

BRACKETED = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\])")
"""A note in brackets, which says which form of the thing is meant: `Deoxys (Attack)`."""


def _blanks(name: str) -> str:
    visible = (" " if _is_blank(character) else character for character in name)
    return " ".join("".join(visible).split())


def _without_notes(name: str) -> str:
    while (shorter := BRACKETED.sub("", name)) != name:
        name = shorter
    return name


RULES: dict[str, Callable[[str], str]] = {
    "apostrophes": lambda name: name.translate(APOSTROPHES),
    "hyphens": lambda name: name.translate(HYPHENS),
    "marks": lambda name: VARIATION_SELECTORS.sub("", name.translate(MARKS)),
    "unicode": lambda name: unicodedata.normalize("NFKC", name),
    "notes": _without_notes,
    "case": lambda name: unicodedata.normalize("NFKC", name.lower()),
    "blanks": _blanks,
}
"""How a name becomes a text, in this order, by the names that the report gives them.

Apostrophes, and then hyphens and dashes, become the plain ones. Marks of trade and footnotes, double quotes
and variation selectors go. Characters take the form NFKC: composed, and half or full widths, ligatures and
the like become what they stand for. Notes in brackets go. Letters become lower case. Control characters and
white space of any kind become single blanks, none of them at an end.
"""


def normalise(name: str) -> str:
    """Bring a name into the form that the model reads, by RULES until none of them changes it any more."""
    # Most are plain letters, which no rule changes.
    if name.isascii() and name.isalpha() and name.islower():
        return name
    before = None
    while name != before:
        before = name
        for rule in RULES.values():
            name = rule(name)
    return name


def rules_for(name: str) -> list[str]:
    """Name the RULES, but for `case`, that change a name on its first way through them."""
    changed = []
    for title, rule in RULES.items():
        after = rule(name)
        if after != name and title != "case":
            changed.append(title)
        name = after
    return changed


def normalise_start(start: str) -> str:
    """Bring the start of a name into the form that the model reads; a blank at its end stays."""
    return normalise(f"{start}|")[:-1]


def display(text: str) -> str:
    """Write a normalised text as a name: a capital at the start and after each blank and hyphen."""
    starts = (i == 0 or text[i - 1] in " -" for i in range(len(text)))
    return "".join(
        character.title() if start else character for character, start in zip(text, starts, strict=True)
    )


def _is_blank(character: str) -> bool:
    return character in INVISIBLE or unicodedata.category(character) == "Cc"
