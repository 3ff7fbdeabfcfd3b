"""A character n-gram model, the baseline that a network has to beat."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from herodex.generator.vocabulary import EDGE


@dataclass(frozen=True)
class NGram:
    """Counts of tokens after contexts of `order` - 1 tokens and fewer; no token is impossible.

    Attributes:
        order: tokens looked at, the predicted one included.
        tokens: size of the vocabulary.
        counts: for each context, how often each token came after it.
    """

    order: int
    tokens: int
    counts: dict[tuple[int, ...], Counter[int]]


def fit_ngram(sequences: Iterable[Sequence[int]], order: int, tokens: int) -> NGram:
    """Count the n-grams of sequences that end with EDGE."""
    counts: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for sequence in sequences:
        padded = [EDGE] * (order - 1) + list(sequence)
        for end in range(order - 1, len(padded)):
            for start in range(end - order + 1, end + 1):
                counts[tuple(padded[start:end])][padded[end]] += 1
    return NGram(order, tokens, dict(counts))


def probability(model: NGram, context: tuple[int, ...], token: int) -> float:
    """The probability of a token after a context of up to `order` - 1 tokens.

    Each context is interpolated with the next shorter one, the empty one with the uniform distribution; it
    weighs the more, the fewer different tokens came after it (Witten and Bell 1991, as in Chen and
    Goodman 1999, An Empirical Study of Smoothing Techniques for Language Modeling).
    """
    shorter = probability(model, context[1:], token) if context else 1 / model.tokens
    seen = model.counts.get(context)
    if seen is None:
        return shorter
    kinds = len(seen)
    return (seen[token] + kinds * shorter) / (seen.total() + kinds)


def sequence_nats(model: NGram, sequences: Iterable[Sequence[int]]) -> np.ndarray:
    """What each sequence costs the model, float64 [n]: the negative log-probability of its tokens."""
    return np.array([_nats(model, sequence) for sequence in sequences])


def _nats(model: NGram, sequence: Sequence[int]) -> float:
    width = model.order - 1
    padded = [EDGE] * width + list(sequence)
    return -sum(
        math.log(probability(model, tuple(padded[end - width : end]), padded[end]))
        for end in range(width, len(padded))
    )
