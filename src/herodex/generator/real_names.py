"""Real names and the edit distance of other texts to them.

Imports only libraries that the service's container image includes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from herodex.generator.names_table import read_names

CHARACTERS_PER_EDIT = 5
"""A text is a near duplicate of a real name up to one edit per this many of its characters."""


def is_near_duplicate(text: str, distance: int) -> bool:
    """Return whether a text is a real name or too similar to one for its length.

    One edit in a name of three kana makes another name; one in ten letters does not.

    Args:
        text: Normalised text.
        distance: Edit distance to the nearest real name.
    """
    return distance * CHARACTERS_PER_EDIT <= len(text)


@dataclass(frozen=True)
class RealNames:
    """Real names by their normalised text.

    Attributes:
        name_of: Name in its original spelling, by text.
        texts: Normalised texts in the same order, for the search.
    """

    name_of: dict[str, str]
    texts: tuple[str, ...]

    def nearest(self, texts: Sequence[str]) -> list[tuple[str, int]]:
        """Find the nearest real name of each normalised text and its distance.

        The distance counts inserted, deleted and replaced characters (Levenshtein 1966). Among equally near
        names, the first in the table is returned.
        """
        distances = process.cdist(texts, self.texts, scorer=Levenshtein.distance, dtype=np.uint16)
        places = distances.argmin(axis=1)
        return [
            (self.name_of[self.texts[place]], int(row[place]))
            for place, row in zip(places, distances, strict=True)
        ]


def real_names(rows: Iterable[dict[str, str]]) -> RealNames:
    """Collect the distinct, non-empty texts of rows with `name` and `text`."""
    name_of: dict[str, str] = {}
    for row in rows:
        if row["text"]:
            name_of.setdefault(row["text"], row["name"])
    return RealNames(name_of, tuple(name_of))


def load_real_names(names_csv: Path) -> RealNames:
    """Read the real names from a table, including names that the cleaning dropped.

    Raises:
        UserError: The file is missing or damaged.
    """
    return real_names(read_names(names_csv, ("name", "text")))
