"""A rule of thumb for whether a name can be spoken, for names in Latin letters."""

import re
import unicodedata

VOWELS = "aeiouy"
MOST_IN_A_ROW = 3
"""Consonants, or vowels, that may follow each other within a word: as in Bewear, or Gastrodon."""

WORD = re.compile("[a-z]+")
VOWEL_RUN = re.compile(f"[{VOWELS}]+")
CONSONANT_RUN = re.compile(f"[^{VOWELS}]+")


def pronounceable(text: str) -> bool | None:
    """Whether every word of a text has a vowel, and nowhere more than three consonants or vowels in a row.

    Marks on letters do not count, y is a vowel, and whatever is no letter ends a word. Real names break the
    rule too (Mr. Mime), so a share of names that keep it is to be seen beside that of real ones.

    Returns:
        None for a text with letters of another script, of which the rule knows nothing.
    """
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text.lower())
        if not unicodedata.combining(character)
    )
    if any(character.isalpha() and not "a" <= character <= "z" for character in plain):
        return None
    words = WORD.findall(plain)
    return bool(words) and all(_speakable(word) for word in words)


def _speakable(word: str) -> bool:
    if not VOWEL_RUN.search(word):
        return False
    runs = VOWEL_RUN.findall(word) + CONSONANT_RUN.findall(word)
    return max(map(len, runs)) <= MOST_IN_A_ROW
