"""Conversion between names as people write them and the lower-case texts that the model reads."""

import re
import unicodedata
from collections.abc import Callable

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\u00b4`\uff07", "'"))
"""Map typographic apostrophes and their substitutes to the plain apostrophe."""

HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"))
"""Map hyphens, dashes and the minus sign to the plain hyphen."""

MARKS = str.maketrans(dict.fromkeys('\u2122\u00ae\u00a9\u2120*\u2020\u2021"\u201c\u201d\u201e\u00ab\u00bb'))
"""Remove trade marks, footnote marks and double quotes, which are not part of a name."""

INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width spaces, which `str.split` does not treat as white space."""

VARIATION_SELECTORS = re.compile("[\ufe00-\ufe0f]")
"""Characters that select how the previous one is drawn: ♀ as text or as an emoji."""

BRACKETED = re.compile(r"\s*(\([^()]*\)|\[[^\[\]]*\])")
"""Note in brackets that names a variant: `Deoxys (Attack)`."""


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
"""Normalisation rules, applied in this order, by their names in the report.

- `apostrophes`, `hyphens`: replace typographic variants by the plain character;
- `marks`: remove trade marks, footnote marks, double quotes and variation selectors;
- `unicode`: convert to NFKC, which composes characters and replaces ligatures, half and full widths;
- `notes`: remove notes in brackets;
- `case`: convert to lower case;
- `blanks`: replace control characters and runs of white space by one blank, and strip the ends.
"""


def normalise(name: str) -> str:
    """Normalise a name: apply RULES until none of them changes it."""
    # Fast path: no rule changes plain lower-case letters.
    if name.isascii() and name.isalpha() and name.islower():
        return name
    before = None
    while name != before:
        before = name
        for rule in RULES.values():
            name = rule(name)
    return name


def changed_by(name: str) -> list[str]:
    """List the RULES other than `case` that change a name in the first pass."""
    changed: list[str] = []
    for title, rule in RULES.items():
        after = rule(name)
        if after != name and title != "case":
            changed.append(title)
        name = after
    return changed


def normalise_prefix(prefix: str) -> str:
    """Normalise the start of a name; a blank at its end stays."""
    return normalise(f"{prefix}|")[:-1]


def display(text: str) -> str:
    """Convert a text to a name with a capital at the start and after each blank and hyphen."""
    starts = (i == 0 or text[i - 1] in " -" for i in range(len(text)))
    return "".join(
        character.title() if start else character for character, start in zip(text, starts, strict=True)
    )


def _is_blank(character: str) -> bool:
    return character in INVISIBLE or unicodedata.category(character) == "Cc"
