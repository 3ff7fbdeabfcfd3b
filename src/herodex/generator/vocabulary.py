"""Characters as tokens, numbered as the generator numbers them."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

EDGE = 0
"""The token that starts and stops every name."""


@dataclass(frozen=True)
class Vocabulary:
    """The characters that the model knows: token 1 is the first of them.

    The last token stands for every other character. It never comes up in training, so to meet one costs
    many nats; it is never sampled.
    """

    characters: tuple[str, ...]

    @property
    def unknown(self) -> int:
        """The token of a character that is not in the vocabulary."""
        return len(self.characters) + 1

    @property
    def size(self) -> int:
        """How many tokens there are: the edge, the characters, the unknown one."""
        return len(self.characters) + 2


def build_vocabulary(texts: Iterable[str]) -> Vocabulary:
    """Collect the characters of some texts, sorted by code point."""
    return Vocabulary(tuple(sorted(set("".join(texts)))))


def encode(vocabulary: Vocabulary, texts: Iterable[str]) -> list[list[int]]:
    """Turn texts into tokens, an EDGE at the end of each."""
    token_of = {character: token for token, character in enumerate(vocabulary.characters, start=1)}
    return [[*(token_of.get(character, vocabulary.unknown) for character in text), EDGE] for text in texts]


def decode(vocabulary: Vocabulary, tokens: Iterable[int]) -> str:
    """Turn tokens of known characters into text, up to the first EDGE."""
    known = itertools.takewhile(lambda token: token != EDGE, tokens)
    return "".join(vocabulary.characters[token - 1] for token in known)


def pad(sequences: list[list[int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay out sequences that end with EDGE for a network that predicts each token from those before it.

    Returns:
        inputs int32 [n, longest], which start with EDGE; targets int32 [n, longest], one step ahead of
        them; weights float32 [n, longest], 0 where a sequence is over.
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
