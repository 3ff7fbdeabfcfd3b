"""Scoring of given names by the model.

Imports only libraries that the service's container image includes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from herodex.generator.language_model import name_nats
from herodex.generator.sample import Generator
from herodex.generator.spelling import normalise


@dataclass(frozen=True)
class ScoredName:
    """A given name with its cross-entropy and its nearest real name.

    Attributes:
        name: The name as given.
        nats: Cross-entropy in nats per character, including the stop token (lower is more likely); None if
            the name has characters outside the vocabulary.
        unknown: Characters outside the vocabulary, sorted.
        nearest: The nearest real name.
        distance: Edit distance to the nearest real name (Levenshtein 1966).
        real: Whether it is a real name, ignoring case and surrounding blanks.
    """

    name: str
    nats: float | None
    unknown: tuple[str, ...]
    nearest: str
    distance: int
    real: bool


def score_names(generator: Generator, names: Sequence[str]) -> list[ScoredName]:
    """Score names in one batch.

    Args:
        generator: The model and the real names.
        names: Names, none of them blank; they are normalised as the training names were.
    """
    texts = [normalise(name) for name in names]
    known = set(generator.language_model.vocabulary.characters)
    nats = name_nats(generator.language_model, texts)
    nearest = generator.real.nearest(texts)
    scored: list[ScoredName] = []
    for name, text, total, (neighbour, distance) in zip(names, texts, nats, nearest, strict=True):
        unknown = tuple(sorted(set(text) - known))
        per_character = None if unknown else round(float(total) / (len(text) + 1), 3)
        scored.append(ScoredName(name, per_character, unknown, neighbour, distance, distance == 0))
    return scored
