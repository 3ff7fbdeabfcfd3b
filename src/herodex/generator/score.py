"""Says of given names how likely the model finds them. Imports only what the service's image holds."""

from collections.abc import Sequence
from dataclasses import dataclass

from herodex.generator.language_model import name_nats
from herodex.generator.sample import Generator
from herodex.generator.spelling import normalise


@dataclass(frozen=True)
class ScoredName:
    """What the model and the list have to say about a name.

    Attributes:
        name: as it was given.
        nats: what it costs the model for each character, the stop included: less is likelier. None where it
            has characters that the model does not know.
        unknown: those characters, sorted.
        nearest: the real name nearest to it.
        distance: characters to insert, delete or replace to get from one to the other.
        real: whether it is a real name; case and blanks around it do not matter.
    """

    name: str
    nats: float | None
    unknown: tuple[str, ...]
    nearest: str
    distance: int
    real: bool


def score_names(generator: Generator, names: Sequence[str]) -> list[ScoredName]:
    """Score names, all of them in one batch.

    Args:
        generator: the model and the real names.
        names: none of them blank; they are normalised as the model's own names were.
    """
    texts = [normalise(name) for name in names]
    known = set(generator.language_model.vocabulary.characters)
    unknown = [tuple(sorted(set(text) - known)) for text in texts]
    costs = name_nats(generator.language_model, texts)
    nearest = generator.real.nearest(texts)
    scored = []
    for name, text, strange, nats, (neighbour, distance) in zip(
        names, texts, unknown, costs, nearest, strict=True
    ):
        cost = None if strange else round(float(nats) / (len(text) + 1), 3)
        scored.append(ScoredName(name, cost, strange, neighbour, distance, distance == 0))
    return scored
