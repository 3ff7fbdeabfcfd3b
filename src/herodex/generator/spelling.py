"""The two spellings of a name: the lower-case text that the model reads, and the form that people see."""

import unicodedata

APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201b\u02bc\uff07", "'"))
"""Typographic apostrophes; the plain one stands for all of them."""

INVISIBLE = "\u200b\u2060\ufeff"
"""Zero-width spaces, which Python's `str.split` does not take for white space."""


def normalise(name: str) -> str:
    """Bring a name into the form that the model reads.

    In this order: apostrophes become the plain one, letters lower case, characters are composed (Unicode
    NFC), control characters and white space of any kind become single blanks, none of them at an end.
    """
    lower = unicodedata.normalize("NFC", name.translate(APOSTROPHES).lower())
    visible = (" " if _is_blank(character) else character for character in lower)
    return " ".join("".join(visible).split())


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
