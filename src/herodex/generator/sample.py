"""Invents names. Imports only what the service's image holds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from herodex.errors import UserError
from herodex.generator.language_model import LanguageModel, load_language_model, model_hash, read, start
from herodex.generator.names_table import read_names
from herodex.generator.spelling import display, normalise
from herodex.generator.vocabulary import EDGE, decode

ROUNDS = 50
"""Batches drawn for one answer before it is given up; each is as large as the answer."""


@dataclass(frozen=True)
class Generator:
    """The language model, and the real names to compare with.

    Attributes:
        names: each real name by its normalised text.
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    language_model: LanguageModel
    names: dict[str, str]
    model: str


@dataclass(frozen=True)
class SampledName:
    """An invented name.

    Attributes:
        name: as people write it.
        novel: whether it is none of the real names.
        nearest: the real name nearest to it, the first in the table where several are.
        distance: characters to insert, delete or replace to get from one to the other (Levenshtein 1966).
    """

    name: str
    novel: bool
    nearest: str
    distance: int


def load_generator(models: Path, names_csv: Path) -> Generator:
    """Load `generator/` from the folder of models, and the real names.

    Args:
        models: the folder.
        names_csv: a table of names with `name` and `text`; names that the cleaning dropped are real too.

    Raises:
        UserError: a file is missing or damaged.
    """
    names: dict[str, str] = {}
    for row in read_names(names_csv, ("name", "text")):
        if row["text"]:
            names.setdefault(row["text"], row["name"])
    directory = models / "generator"
    return Generator(load_language_model(directory), names, model_hash(directory)[:12])


def sample_names(generator: Generator, count: int, temperature: float, seed: int) -> list[SampledName]:
    """Invent names, no two of them the same and none empty.

    Args:
        generator: from `load_generator`; several threads may use it at once.
        count: how many names, at least 1.
        temperature: above 0; at 1 names are as likely as the model thinks, below it keeps to the likeliest.
        seed: the same seed gives the same names, in any process.

    Raises:
        UserError: the model has too few different names to give at this temperature.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    texts: dict[str, None] = {}
    for _ in range(ROUNDS):
        texts |= dict.fromkeys(draw_texts(generator.language_model, count, temperature, rng))
        if len(texts) >= count:
            return [describe(generator, text) for text in list(texts)[:count]]
    raise UserError(
        f"Only {len(texts)} different names came in {ROUNDS * count} tries at temperature {temperature}.",
        f"Ask for fewer than {count} names, or raise the temperature.",
    )


def describe(generator: Generator, text: str) -> SampledName:
    """Compare a normalised text with the real names; a real one is written as in the list."""
    nearest, distance, _ = process.extractOne(text, list(generator.names), scorer=Levenshtein.distance)
    real = generator.names.get(text)
    return SampledName(real or display(text), real is None, generator.names[nearest], int(distance))


def draw_texts(model: LanguageModel, count: int, temperature: float, rng: np.random.Generator) -> list[str]:
    """Draw normalised texts, all of them in one batch; none is empty, the same one may come twice.

    A character is drawn from softmax(logits / temperature) by the Gumbel-max trick: the largest of the
    logits plus Gumbel noise (Gumbel 1954). The unknown token is never drawn, neither is a stop or a blank
    at the start. A text stops at the model's `max_length`.

    Args:
        model: the network.
        count: how many.
        temperature: below 1 keeps to what is likely, above 1 ventures.
        rng: where chance comes from.
    """
    vocabulary = model.vocabulary
    forbidden = np.zeros(vocabulary.size)
    forbidden[vocabulary.unknown] = -np.inf
    forbidden_first = forbidden.copy()
    forbidden_first[EDGE] = -np.inf
    if " " in vocabulary.characters:
        forbidden_first[1 + vocabulary.characters.index(" ")] = -np.inf
    request, state = start(model, count)
    tokens = np.full(count, EDGE)
    drawn = np.full((count, model.max_length), EDGE)
    stopped = np.zeros(count, bool)
    for step in range(model.max_length):
        logits, state = read(request, tokens, state)
        scores = logits / temperature + rng.gumbel(size=logits.shape)
        tokens = (scores + (forbidden if step else forbidden_first)).argmax(axis=1)
        stopped |= tokens == EDGE
        if stopped.all():
            break
        drawn[:, step] = np.where(stopped, EDGE, tokens)
    return [normalise(decode(vocabulary, row)) for row in drawn]
