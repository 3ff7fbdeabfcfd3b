"""Rule of thumb for pronounceable names in Latin letters."""

import re
import unicodedata

VOWELS = "aeiouy"
MAX_RUN = 3
"""Maximum length of a run of vowels or consonants within a word, as in Bewear or Gastrodon."""

WORD = re.compile("[a-z]+")
VOWEL_RUN = re.compile(f"[{VOWELS}]+")
CONSONANT_RUN = re.compile(f"[^{VOWELS}]+")


def pronounceable(text: str) -> bool | None:
    """Return whether every word has a vowel and no run longer than `MAX_RUN`.

    Diacritics are ignored, y is a vowel, and any character that is not a letter ends a word. Some real names
    break the rule (Mr. Mime), so compare the share of pronounceable names with that of the real names.

    Returns:
        None if the text has letters of another script, for which the rule is not defined.
    """
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKD", text.lower())
        if not unicodedata.combining(character)
    )
    if any(character.isalpha() and not "a" <= character <= "z" for character in plain):
        return None
    words = WORD.findall(plain)
    return bool(words) and all(_is_pronounceable(word) for word in words)


def _is_pronounceable(word: str) -> bool:
    if not VOWEL_RUN.search(word):
        return False
    runs = VOWEL_RUN.findall(word) + CONSONANT_RUN.findall(word)
    return max(map(len, runs)) <= MAX_RUN
