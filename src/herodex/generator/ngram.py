"""Character n-gram language model, the baseline for the network."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from herodex.generator.vocabulary import EDGE


@dataclass(frozen=True)
class NGram:
    """N-gram counts with smoothing, so that no token has probability 0.

    Attributes:
        order: Length of the n-grams, including the predicted token.
        tokens: Size of the vocabulary.
        counts: Counts of the next token after each context of `order` - 1 tokens and fewer.
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
    """Return the probability of a token after a context of up to `order` - 1 tokens.

    Each order is interpolated with the next lower one, and order 1 with the uniform distribution, by
    Witten-Bell smoothing (Witten and Bell 1991, as in Chen and Goodman 1999, An Empirical Study of Smoothing
    Techniques for Language Modeling).
    """
    shorter = probability(model, context[1:], token) if context else 1 / model.tokens
    seen = model.counts.get(context)
    if seen is None:
        return shorter
    kinds = len(seen)
    return (seen[token] + kinds * shorter) / (seen.total() + kinds)


def sequence_nats(model: NGram, sequences: Iterable[Sequence[int]]) -> Float64[np.ndarray, " sequences"]:
    """Return the negative log-probability of each sequence in nats."""
    return np.array([_nats(model, sequence) for sequence in sequences])


def _nats(model: NGram, sequence: Sequence[int]) -> float:
    width = model.order - 1
    padded = [EDGE] * width + list(sequence)
    return -sum(
        math.log(probability(model, tuple(padded[end - width : end]), padded[end]))
        for end in range(width, len(padded))
    )
