"""The real names, and how near other texts come to them. Imports only what the service's image holds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from herodex.generator.names_table import read_names

COPY_DISTANCE = 1
"""Edits within which a text counts as a copy of a real name."""


@dataclass(frozen=True)
class RealNames:
    """Real names.

    Attributes:
        written: each as people write it, by its normalised text.
        texts: the normalised texts in the same order, which the searches go through.
    """

    written: dict[str, str]
    texts: tuple[str, ...]

    def nearest(self, texts: Sequence[str]) -> list[tuple[str, int]]:
        """The real name nearest to each normalised text, the first of several, and how far it is.

        The distance counts the characters to insert, delete or replace (Levenshtein 1966).
        """
        distances = process.cdist(texts, self.texts, scorer=Levenshtein.distance, dtype=np.uint16)
        places = distances.argmin(axis=1)
        return [
            (self.written[self.texts[place]], int(row[place]))
            for place, row in zip(places, distances, strict=True)
        ]


def real_names(rows: Iterable[dict[str, str]]) -> RealNames:
    """Collect names from rows with `name` and `text`: each text once, none empty."""
    written: dict[str, str] = {}
    for row in rows:
        if row["text"]:
            written.setdefault(row["text"], row["name"])
    return RealNames(written, tuple(written))


def load_real_names(names_csv: Path) -> RealNames:
    """Read the real names from a table of names; those that the cleaning dropped are real too.

    Raises:
        UserError: the file is missing or damaged.
    """
    return real_names(read_names(names_csv, ("name", "text")))
