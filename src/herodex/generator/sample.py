"""Invents names. Imports only what the service's image holds."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from herodex.errors import UserError
from herodex.generator.language_model import (
    LanguageModel,
    load_language_model,
    log_softmax,
    model_hash,
    read,
    start,
)
from herodex.generator.real_names import COPY_DISTANCE, RealNames, load_real_names
from herodex.generator.spelling import display, normalise
from herodex.generator.vocabulary import EDGE, Vocabulary, decode, encode

ROUNDS = 40
"""Batches drawn for one answer before it is given up."""
STRICT_ROUNDS = 4
"""Batches from which only names are taken that end by themselves within the longest length."""


@dataclass(frozen=True)
class SamplingOptions:
    """What the names of one answer shall be like.

    Attributes:
        temperature: above 0; at 1 names are as likely as the model thinks, below it keeps to the likeliest.
        top_k: only so many of the likeliest characters may come next; 0: any may.
        top_p: only the likeliest characters that make up this probability may come next (nucleus sampling,
            Holtzman et al. 2020, The Curious Case of Neural Text Degeneration); 1: any may.
        prefix: the normalised text that every name starts with; a blank may be its last character.
        min_length: characters of a name, at least.
        max_length: characters of a name, at most; never more than the longest name that the model knows.
        novel: whether names are left out that are real, or one edit away from a real one.
    """

    temperature: float
    top_k: int = 0
    top_p: float = 1.0
    prefix: str = ""
    min_length: int = 1
    max_length: int = 100
    novel: bool = True


class Candidates(NamedTuple):
    """Normalised texts from one batch.

    Attributes:
        texts: the texts.
        ended: whether each came to its end before it was cut off, bool [texts].
        nats: what each costs the model, the stop included, at temperature 1: float64 [texts].
    """

    texts: list[str]
    ended: np.ndarray
    nats: np.ndarray


@dataclass(frozen=True)
class Generator:
    """The language model, and the real names to compare with.

    Attributes:
        model: the first 12 hexadecimal digits of the model's sha256.
    """

    language_model: LanguageModel
    real: RealNames
    model: str


@dataclass(frozen=True)
class SampledName:
    """An invented name.

    Attributes:
        name: as people write it.
        novel: whether it is none of the real names.
        nearest: the real name nearest to it, the first in the table where several are.
        distance: characters to insert, delete or replace to get from one to the other (Levenshtein 1966).
        nats: what it costs the model for each character, the stop included: less is likelier.
    """

    name: str
    novel: bool
    nearest: str
    distance: int
    nats: float


def load_generator(models: Path, names_csv: Path) -> Generator:
    """Load `generator/` from the folder of models, and the real names.

    Args:
        models: the folder.
        names_csv: a table of names with `name` and `text`; names that the cleaning dropped are real too.

    Raises:
        UserError: a file is missing or damaged.
    """
    directory = models / "generator"
    return Generator(load_language_model(directory), load_real_names(names_csv), model_hash(directory)[:12])


def sample_names(generator: Generator, count: int, options: SamplingOptions, seed: int) -> list[SampledName]:
    """Invent names, no two of them the same and none empty.

    Args:
        generator: from `load_generator`; several threads may use it at once.
        count: how many names, at least 1.
        options: what they shall be like.
        seed: the same seed gives the same names, in any process.

    Raises:
        UserError: the model does not know a character of the prefix, or gives too few such names.
    """
    model = generator.language_model
    require_possible(options, model)
    rng = np.random.Generator(np.random.PCG64(seed))
    # A few more than asked for, as some will be real or come twice; where that is not enough, many will.
    batch = count + count // 8 + 1
    found: dict[str, SampledName] = {}
    for drawn_before in range(ROUNDS):
        drawn = sample_texts(model, 2 * batch if drawn_before else batch, options, rng)
        taken = drawn.ended | (drawn_before >= STRICT_ROUNDS)
        sampled = describe(generator, drawn.texts, drawn.nats)
        for text, name, take in zip(drawn.texts, sampled, taken, strict=True):
            # A mark may melt into the character before it, and a letter's capital may be two.
            fits = normalise(text) == text and options.min_length <= len(name.name) <= options.max_length
            if take and fits and (not options.novel or name.distance > COPY_DISTANCE):
                found.setdefault(name.name, name)
        if len(found) >= count:
            return list(found.values())[:count]
    raise UserError(*too_few(len(found), count, options))


def require_possible(options: SamplingOptions, model: LanguageModel) -> None:
    """Check that the model knows the characters of the prefix, and names of the length wished for.

    Raises:
        UserError: it says which it does not know, and which it does.
    """
    if unknown := sorted(set(options.prefix) - set(model.vocabulary.characters)):
        raise UserError(
            f"'prefix' has characters that no known name has: {spell_out(unknown)}.",
            f"The known ones are {spell_out(model.vocabulary.characters)}.",
        )
    if max(options.min_length, len(options.prefix)) > model.max_length:
        field = "min_length" if options.min_length > model.max_length else "prefix"
        raise UserError(
            f"'{field}' asks for longer names than there are.",
            f"The longest known name has {model.max_length} characters.",
        )


def spell_out(characters: Sequence[str], most: int = 60) -> str:
    """List characters for people; what would not show, or would upset the line, by its code point."""
    shown = [
        character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
        for character in characters[:most]
    ]
    return " ".join(shown) + (f" and {len(characters) - most} more" if len(characters) > most else "")


def too_few(found: int, count: int, options: SamplingOptions) -> tuple[str, str]:
    """Word that a options cannot be met: the problem, and what to do about it."""
    lengths = [f"at least {options.min_length}"] if options.min_length > 1 else []
    lengths += [f"at most {options.max_length}"] if options.max_length < SamplingOptions.max_length else []
    kind = ("new name" if options.novel else "name") + ("s" if found else "")
    amount = f"Only {found} {kind}" if found else f"No {kind}"
    size = f" of {' and '.join(lengths)} characters" if lengths else ""
    verb = f"start{'' if found else 's'} with '{options.prefix}'" if options.prefix else "could be found"
    wanted = f", and {count} are asked for" if found else ""
    remedies = [f"ask for {found} or fewer"] if found else []
    remedies += ["shorten the prefix"] if options.prefix else []
    remedies += ["allow more lengths"] if lengths else []
    remedies += ["raise top_k or top_p"] if options.top_k or options.top_p < 1 else []
    remedies += ["raise the temperature", "take another seed"]
    hint = f"{', '.join(remedies)}."
    return (
        f"{amount}{size} {verb}{wanted} (tried {ROUNDS} rounds at temperature {options.temperature:g}).",
        hint[0].upper() + hint[1:],
    )


def describe(
    generator: Generator, texts: Sequence[str], nats: Sequence[float] | np.ndarray
) -> list[SampledName]:
    """Compare normalised texts with the real names; a real one is written as in the list.

    Args:
        generator: the real names.
        texts: the texts.
        nats: what each costs the model, its stop included.
    """
    described = []
    nearest = generator.real.nearest(texts)
    for text, cost, (neighbour, distance) in zip(texts, nats, nearest, strict=True):
        real = generator.real.written.get(text)
        each = round(float(cost) / (len(text) + 1), 3)
        described.append(SampledName(real or display(text), real is None, neighbour, distance, each))
    return described


def sample_texts(model: LanguageModel, count: int, options: SamplingOptions, rng: np.random.Generator) -> Candidates:
    """Draw normalised texts, all of them in one batch; none is empty, the same one may come twice.

    A character is drawn from softmax(logits / temperature) by the Gumbel-max trick: the largest of the
    logits plus Gumbel noise (Gumbel 1954). The unknown token is never drawn; a blank comes neither at an
    end nor twice in a row, a mark not first, a stop not before the shortest length. At the longest a text is
    cut off.

    Args:
        model: the network; it must know the characters of the prefix.
        count: how many.
        options: what they shall be like, `novel` apart.
        rng: where chance comes from.
    """
    vocabulary = model.vocabulary
    blank = 1 + vocabulary.characters.index(" ") if " " in vocabulary.characters else vocabulary.unknown
    # Added to scores: what never comes, and what does not come after a blank.
    barred = np.zeros((2, vocabulary.size))
    barred[:, vocabulary.unknown] = barred[1, [blank, EDGE]] = -np.inf
    prefix = encode(vocabulary, [options.prefix])[0][:-1]
    longest = min(options.max_length, model.max_length)
    drawn = np.full((count, longest), EDGE)
    drawn[:, : len(prefix)] = prefix
    ended = np.zeros(count, bool)
    # All start alike, so one of them is read for all; and those that have ended are read no further.
    request, state = start(model, 1)
    logits, state = read(request, np.array([EDGE]), state)
    told = 0.0
    for token in prefix:
        told -= log_softmax(logits)[0, token]
        logits, state = read(request, np.array([token]), state)
    going = np.arange(count)
    tokens = np.full(count, prefix[-1] if prefix else EDGE)
    logits, state = np.repeat(logits, count, axis=0), np.repeat(state, count, axis=0)
    choices = []
    for length in range(len(prefix), longest + 1):
        scores = logits / options.temperature + barred[(tokens == blank).astype(int)]
        if length == 0:
            scores[:, [EDGE, blank, *dependent_tokens(vocabulary)]] = -np.inf
        if length == longest - 1:
            scores[:, blank] = -np.inf
        if length < options.min_length:
            scores[:, EDGE] = -np.inf
        scores = narrow(scores, options.top_k, options.top_p)
        tokens = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        goes_on = tokens != EDGE
        ended[going] = ~goes_on
        # What is cut off stops there, whether it would or not.
        choices.append((going, logits, tokens if length < longest else np.full(len(going), EDGE)))
        if length == longest or not goes_on.any():
            break
        going, tokens = going[goes_on], tokens[goes_on]
        drawn[going, length] = tokens
        logits, state = read(request, tokens, state[goes_on])
    rows, logits, chosen = (np.concatenate(parts) for parts in zip(*choices, strict=True))
    costs = -log_softmax(logits)[np.arange(len(chosen)), chosen]
    nats = told + np.bincount(rows, weights=costs, minlength=count)
    return Candidates([decode(vocabulary, row) for row in drawn], ended, nats)


def dependent_tokens(vocabulary: Vocabulary) -> list[int]:
    """The tokens of marks and joiners, which stand on the character before them."""
    return [
        token
        for token, character in enumerate(vocabulary.characters, start=1)
        if unicodedata.category(character)[0] in "MC"
    ]


def narrow(scores: np.ndarray, top_k: int, top_p: float) -> np.ndarray:
    """Put all but the likeliest tokens out of reach: -inf in place of their scores [n, tokens].

    Args:
        scores: logits that the temperature has divided, float [n, tokens]; -inf is allowed.
        top_k: how many tokens stay, 0 for all.
        top_p: as few of the likeliest stay as have this probability together; 1 for all.
    """
    if not top_k and top_p >= 1:
        return scores
    order = np.argsort(-scores, axis=1, kind="stable")
    probabilities = np.exp(log_softmax(np.take_along_axis(scores, order, axis=1)))
    likelier = np.cumsum(probabilities, axis=1) - probabilities
    stays = likelier < top_p
    if top_k:
        stays[:, top_k:] = False
    narrowed = np.full_like(scores, -np.inf)
    kept = np.where(stays, np.take_along_axis(scores, order, axis=1), -np.inf)
    np.put_along_axis(narrowed, order, kept, axis=1)
    return narrowed
