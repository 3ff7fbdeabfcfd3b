"""Character vocabulary: conversion between texts and tokens."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32

EDGE = 0
"""Token at the start and end of every name."""


@dataclass(frozen=True)
class Vocabulary:
    """Characters of the model; the first has token 1.

    The last token stands for all other characters. It does not occur in training, so its cross-entropy is
    high, and it is never sampled.
    """

    characters: tuple[str, ...]

    @property
    def unknown(self) -> int:
        """Token of characters outside the vocabulary."""
        return len(self.characters) + 1

    @property
    def blank(self) -> int:
        """Token of the blank, or the unknown token if the vocabulary has no blank."""
        return self.characters.index(" ") + 1 if " " in self.characters else self.unknown

    @property
    def size(self) -> int:
        """Number of tokens: the edge, the characters and the unknown token."""
        return len(self.characters) + 2


def build_vocabulary(texts: Iterable[str]) -> Vocabulary:
    """Collect the characters of texts, sorted by code point."""
    return Vocabulary(tuple(sorted(set("".join(texts)))))


def encode(vocabulary: Vocabulary, texts: Iterable[str]) -> list[list[int]]:
    """Convert texts to sequences of tokens that end with EDGE."""
    token_of = {character: token for token, character in enumerate(vocabulary.characters, start=1)}
    return [[*(token_of.get(character, vocabulary.unknown) for character in text), EDGE] for text in texts]


def decode(vocabulary: Vocabulary, tokens: Iterable[int]) -> str:
    """Convert tokens of known characters to text, up to the first EDGE."""
    known = itertools.takewhile(lambda token: token != EDGE, tokens)
    return "".join(vocabulary.characters[token - 1] for token in known)


def pad(
    sequences: list[list[int]],
) -> tuple[Int32[np.ndarray, "n steps"], Int32[np.ndarray, "n steps"], Float32[np.ndarray, "n steps"]]:
    """Pad sequences that end with EDGE to a batch for next-token prediction.

    Returns:
        Inputs, which start with EDGE; targets, which are one step ahead of the inputs; and weights, which
        are 0 for padding.
    """
    longest = max(map(len, sequences))
    targets = np.full((len(sequences), longest), EDGE, np.int32)
    weights = np.zeros((len(sequences), longest), np.float32)
    for row, sequence in enumerate(sequences):
        targets[row, : len(sequence)] = sequence
        weights[row, : len(sequence)] = 1
    inputs = np.roll(targets, 1, axis=1)
    inputs[:, 0] = EDGE
    return inputs, targets, weights
