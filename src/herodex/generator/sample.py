"""Sampling of new names from the model.

Imports only libraries that the service's container image includes.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import openvino as ov
from jaxtyping import Bool, Float32, Float64, Int

from herodex.errors import UserError
from herodex.generator.language_model import (
    LanguageModel,
    load_language_model,
    log_softmax,
    model_hash,
    run_step,
    start_batch,
)
from herodex.generator.real_names import RealNames, is_near_duplicate, load_real_names
from herodex.generator.spelling import display, normalise
from herodex.generator.vocabulary import EDGE, Vocabulary, decode, encode

MAX_BATCHES = 40
"""Maximum number of batches sampled for one request."""
COMPLETE_ONLY_BATCHES = 4
"""Number of batches that provide only names that end before the maximum length."""


@dataclass(frozen=True)
class SamplingOptions:
    """Options of one request for names.

    Attributes:
        temperature: Divisor of the logits, above 0; values below 1 favour likely characters.
        top_k: Number of most likely characters to sample from; 0 for all.
        top_p: Probability mass of the most likely characters to sample from (nucleus sampling, Holtzman et
            al. 2020, The Curious Case of Neural Text Degeneration); 1 for all.
        prefix: Normalised text that every name starts with; it may end with a blank.
        min_length: Minimum length of a name in characters.
        max_length: Maximum length of a name in characters; the model's own maximum holds too.
        novel: Whether to leave out real names and near duplicates of them.
    """

    temperature: float
    top_k: int = 0
    top_p: float = 1.0
    prefix: str = ""
    min_length: int = 1
    max_length: int = 100
    novel: bool = True


class Candidates(NamedTuple):
    """Normalised texts sampled in one batch.

    Attributes:
        texts: The texts, possibly with repeats.
        complete: Whether each text ended before it was truncated.
        nats: Negative log-probability of each text, including its stop token, at temperature 1.
    """

    texts: list[str]
    complete: Bool[np.ndarray, " texts"]
    nats: Float64[np.ndarray, " texts"]


class Step(NamedTuple):
    """One step of sampling.

    Attributes:
        rows: Rows of the batch that have not ended.
        logits: Logits of the next token of each row.
        tokens: The sampled tokens.
    """

    rows: Int[np.ndarray, " rows"]
    logits: Float64[np.ndarray, "rows tokens"]
    tokens: Int[np.ndarray, " rows"]


@dataclass(frozen=True)
class Generator:
    """The language model and the real names to compare with.

    Attributes:
        language_model: The exported network.
        real: The real names.
        model: First 12 hexadecimal digits of the model's SHA-256.
    """

    language_model: LanguageModel
    real: RealNames
    model: str


@dataclass(frozen=True)
class SampledName:
    """A sampled name.

    Attributes:
        name: The name in its display spelling.
        novel: Whether it differs from every real name.
        nearest: The nearest real name, or the first of several in the table.
        distance: Edit distance to the nearest real name (Levenshtein 1966).
        nats: Cross-entropy in nats per character, including the stop token (lower is more likely).
    """

    name: str
    novel: bool
    nearest: str
    distance: int
    nats: float


def load_generator(models: Path, names_csv: Path) -> Generator:
    """Load the model and the real names.

    Args:
        models: Folder that contains `generator/`.
        names_csv: Table of names with `name` and `text`; names that the cleaning dropped count as real.

    Raises:
        UserError: A file is missing or damaged.
    """
    directory = models / "generator"
    return Generator(load_language_model(directory), load_real_names(names_csv), model_hash(directory)[:12])


def sample_names(generator: Generator, count: int, options: SamplingOptions, seed: int) -> list[SampledName]:
    """Sample distinct, non-empty names.

    Args:
        generator: Generator from `load_generator`; several threads may use it at once.
        count: Number of names, at least 1.
        options: Sampling options.
        seed: Random seed; the same seed gives the same names in any process.

    Raises:
        UserError: The model does not know a character of the prefix, or finds too few names.
    """
    check_options(options, generator.language_model)
    rng = np.random.Generator(np.random.PCG64(seed))
    # A few more than requested, because some will be rejected; later batches are larger.
    batch = count + count // 8 + 1
    found: dict[str, SampledName] = {}
    for batches in range(MAX_BATCHES):
        candidates = sample_texts(generator.language_model, 2 * batch if batches else batch, options, rng)
        accepted = candidates.complete | (batches >= COMPLETE_ONLY_BATCHES)
        names = to_sampled_names(generator, candidates.texts, candidates.nats)
        for text, name, accept in zip(candidates.texts, names, accepted, strict=True):
            if accept and is_valid(text, name, options):
                found.setdefault(name.name, name)
        if len(found) >= count:
            return list(found.values())[:count]
    raise too_few_names(len(found), count, options)


def is_valid(text: str, name: SampledName, options: SamplingOptions) -> bool:
    """Return whether a sampled name satisfies the options and its text is in normal form.

    Normalisation can compose a mark with the character before it, and a capital can have two characters, so
    lengths are checked on the name.
    """
    fits = normalise(text) == text and options.min_length <= len(name.name) <= options.max_length
    return fits and (not options.novel or not is_near_duplicate(text, name.distance))


def check_options(options: SamplingOptions, model: LanguageModel) -> None:
    """Check that the model knows the characters of the prefix and names of the requested length.

    Raises:
        UserError: It names the unknown characters or the maximum length.
    """
    if unknown := sorted(set(options.prefix) - set(model.vocabulary.characters)):
        raise UserError(
            f"'prefix' has characters that no known name has: {list_characters(unknown)}.",
            f"The known ones are {list_characters(model.vocabulary.characters)}.",
        )
    if max(options.min_length, len(options.prefix)) > model.max_length:
        field = "min_length" if options.min_length > model.max_length else "prefix"
        raise UserError(
            f"'{field}' asks for longer names than there are.",
            f"The longest known name has {model.max_length} characters.",
        )


def list_characters(characters: Sequence[str], limit: int = 60) -> str:
    """List characters for a message, invisible ones by their code point."""
    shown = [
        character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
        for character in characters[:limit]
    ]
    return " ".join(shown) + (f" and {len(characters) - limit} more" if len(characters) > limit else "")


def too_few_names(found: int, count: int, options: SamplingOptions) -> UserError:
    """Explain that too few names satisfy the options, and how to relax them."""
    lengths = [f"at least {options.min_length}"] if options.min_length > 1 else []
    lengths += [f"at most {options.max_length}"] if options.max_length < SamplingOptions.max_length else []
    kind = ("new name" if options.novel else "name") + ("s" if found else "")
    amount = f"Only {found} {kind}" if found else f"No {kind}"
    size = f" of {' and '.join(lengths)} characters" if lengths else ""
    verb = f"start{'' if found else 's'} with '{options.prefix}'" if options.prefix else "could be found"
    requested = f", and {count} are asked for" if found else ""
    effort = f"(tried {MAX_BATCHES} rounds at temperature {options.temperature:g})"
    remedies = [f"ask for {found} or fewer"] if found else []
    remedies += ["shorten the prefix"] if options.prefix else []
    remedies += ["allow more lengths"] if lengths else []
    remedies += ["raise top_k or top_p"] if options.top_k or options.top_p < 1 else []
    remedies += ["raise the temperature", "take another seed"]
    hint = f"{', '.join(remedies)}."
    return UserError(f"{amount}{size} {verb}{requested} {effort}.", hint[0].upper() + hint[1:])


def to_sampled_names(
    generator: Generator, texts: Sequence[str], nats: Float64[np.ndarray, " texts"]
) -> list[SampledName]:
    """Add the display spelling and the nearest real name to sampled texts.

    Args:
        generator: The real names.
        texts: Normalised texts.
        nats: Negative log-probability of each text, including its stop token.
    """
    names: list[SampledName] = []
    nearest = generator.real.nearest(texts)
    for text, total, (neighbour, distance) in zip(texts, nats.tolist(), nearest, strict=True):
        real = generator.real.name_of.get(text)
        per_character = round(total / (len(text) + 1), 3)
        names.append(SampledName(real or display(text), real is None, neighbour, distance, per_character))
    return names


def sample_texts(
    model: LanguageModel, count: int, options: SamplingOptions, rng: np.random.Generator
) -> Candidates:
    """Sample a batch of non-empty normalised texts, possibly with repeats.

    Characters are sampled from softmax(logits / temperature) with the Gumbel-max trick: the maximum of the
    logits plus Gumbel noise (Gumbel 1954). Texts of the maximum length are truncated.

    Args:
        model: Language model that knows the characters of the prefix.
        count: Number of texts.
        options: Sampling options; `novel` is ignored.
        rng: Random number generator.
    """
    prefix = encode(model.vocabulary, [options.prefix])[0][:-1]
    max_length = min(options.max_length, model.max_length)
    sampled = np.full((count, max_length), EDGE)
    sampled[:, : len(prefix)] = prefix
    complete = np.zeros(count, bool)
    # The prefix is fed once for all texts, and texts that have ended leave the batch.
    request, logits, state, prefix_nats = feed_prefix(model, prefix)
    logits, state = np.repeat(logits, count, axis=0), np.repeat(state, count, axis=0)
    active, previous = np.arange(count), np.full(count, prefix[-1] if prefix else EDGE)
    steps: list[Step] = []
    for length in range(len(prefix), max_length + 1):
        scores = logits / options.temperature
        mask_forbidden(scores, previous, length, model.vocabulary, (options.min_length, max_length))
        scores = top_k_top_p_filter(scores, options.top_k, options.top_p)
        tokens = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
        continues = tokens != EDGE
        complete[active] = ~continues
        truncated = length == max_length
        steps.append(Step(active, logits, np.full_like(tokens, EDGE) if truncated else tokens))
        if truncated or not continues.any():
            break
        active, previous = active[continues], tokens[continues]
        sampled[active, length] = previous
        logits, state = run_step(request, previous, state[continues])
    texts = [decode(model.vocabulary, row) for row in sampled.tolist()]
    return Candidates(texts, complete, prefix_nats + sum_nats(steps, count))


def feed_prefix(
    model: LanguageModel, prefix: Sequence[int]
) -> tuple[ov.InferRequest, Float64[np.ndarray, "1 tokens"], Float32[np.ndarray, "1 units"], float]:
    """Feed the start token and a prefix to the model.

    Returns:
        The inference request, the logits of the next token, the state, and the prefix's negative
        log-probability in nats.
    """
    request, state = start_batch(model, 1)
    logits, state = run_step(request, np.array([EDGE]), state)
    nats = 0.0
    for token in prefix:
        nats -= float(log_softmax(logits)[0, token])
        logits, state = run_step(request, np.array([token]), state)
    return request, logits, state, nats


def mask_forbidden(
    scores: Float64[np.ndarray, "n tokens"],
    previous: Int[np.ndarray, " n"],
    length: int,
    vocabulary: Vocabulary,
    lengths: tuple[int, int],
) -> None:
    """Set the scores of forbidden tokens to -inf in place.

    The unknown token is always forbidden, a blank at either end or after a blank, a combining character at
    the start, and the stop token after a blank or before the minimum length.

    Args:
        scores: Logits divided by the temperature.
        previous: Last token of each text.
        length: Number of characters sampled so far.
        vocabulary: Characters by token.
        lengths: Minimum and maximum length of a text.
    """
    min_length, max_length = lengths
    blank = vocabulary.blank
    after_blank = previous == blank
    scores[:, vocabulary.unknown] = -np.inf
    scores[after_blank, blank] = -np.inf
    scores[after_blank, EDGE] = -np.inf
    if length == 0:
        scores[:, [EDGE, blank, *combining_tokens(vocabulary)]] = -np.inf
    if length == max_length - 1:
        scores[:, blank] = -np.inf
    if length < min_length:
        scores[:, EDGE] = -np.inf


def combining_tokens(vocabulary: Vocabulary) -> list[int]:
    """List the tokens of marks and joiners, which attach to the previous character."""
    return [
        token
        for token, character in enumerate(vocabulary.characters, start=1)
        if unicodedata.category(character)[0] in "MC"
    ]


def top_k_top_p_filter(
    scores: Float64[np.ndarray, "n tokens"], top_k: int, top_p: float
) -> Float64[np.ndarray, "n tokens"]:
    """Set the scores of all but the most likely tokens to -inf.

    Args:
        scores: Logits divided by the temperature; they may contain -inf.
        top_k: Number of tokens to keep, 0 for all.
        top_p: Keep the fewest most likely tokens with at least this probability mass; 1 for all.
    """
    if not top_k and top_p >= 1:
        return scores
    order = np.argsort(-scores, axis=1, kind="stable")
    probabilities = np.exp(log_softmax(np.take_along_axis(scores, order, axis=1)))
    mass_before = np.cumsum(probabilities, axis=1) - probabilities
    keep = mass_before < top_p
    if top_k:
        keep[:, top_k:] = False
    filtered = np.full_like(scores, -np.inf)
    kept = np.where(keep, np.take_along_axis(scores, order, axis=1), -np.inf)
    np.put_along_axis(filtered, order, kept, axis=1)
    return filtered


def sum_nats(steps: Sequence[Step], count: int) -> Float64[np.ndarray, " texts"]:
    """Sum the negative log-probabilities of the sampled tokens by text."""
    rows = np.concatenate([step.rows for step in steps])
    tokens = np.concatenate([step.tokens for step in steps])
    log_probabilities = log_softmax(np.concatenate([step.logits for step in steps]))
    nats = -log_probabilities[np.arange(len(tokens)), tokens]
    return np.bincount(rows, weights=nats, minlength=count)
