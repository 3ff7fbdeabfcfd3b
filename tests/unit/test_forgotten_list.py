"""The list of withdrawn sources: hashes that match however an address, a name or a host is written."""

import hashlib

import pytest

from herodex.errors import UserError
from herodex.forgotten_list import (
    AUTHOR,
    HOST,
    LICENSE,
    NOTHING,
    ForgottenList,
    add_forgotten,
    read_forgotten,
    url_hash,
    value_hash,
)

ROW = {
    "image_url": "https://images.test/a%20b.jpg?size=2",
    "page_url": "https://pages.test/7",
    "author": "Ann Ä",
    "license": "CC BY 4.0",
}
SECRETS = ("images.test", "Ann", "CC BY", "a%20b", "a b")


@pytest.mark.parametrize(
    ("digest", "found"),
    [
        (url_hash("http://IMAGES.test:80/a b.jpg?size=2#top"), True),
        (url_hash("https://images.test/a%20b.jpg?size=3"), False),
        (url_hash("https://images.test:8080/a%20b.jpg?size=2"), False),
        (value_hash(HOST, "Images.TEST."), True),
        (value_hash(HOST, "pages.test"), True),
        (value_hash(HOST, "test"), False),
        (value_hash(HOST, "*.test"), True),
        (value_hash(HOST, "*.images.test"), True),
        (value_hash(HOST, "*.ages.test"), False),
        (value_hash(HOST, "https://images.test:8080/"), True),
        (url_hash("http://pages.test/7"), True),
        (value_hash(AUTHOR, "ANN\N{ZERO WIDTH SPACE} Ä"), True),
        (value_hash(LICENSE, "cc-by-4.0"), True),
        (value_hash(LICENSE, "CC_BY 4.0"), True),
        (value_hash(LICENSE, "cc by"), False),
        (value_hash(AUTHOR, "  ann\ta\N{COMBINING DIAERESIS} "), True),
        (value_hash(AUTHOR, "Ann"), False),
        (value_hash(LICENSE, "cc by 4.0"), True),
        (value_hash(AUTHOR, "CC BY 4.0"), False),
    ],
)
def test_source_is_found_in_any_spelling(digest, found):
    assert ForgottenList({digest: AUTHOR}).has_source(ROW) is found


@pytest.mark.parametrize(
    ("written", "stated"),
    [
        ("O'Brien", "O\N{RIGHT SINGLE QUOTATION MARK}Brien"),
        ("Jean-Luc", "Jean\N{NON-BREAKING HYPHEN}Luc"),
        ("STRASSE", "Stra\N{LATIN SMALL LETTER SHARP S}e"),
        ("ann", "\N{FULLWIDTH LATIN CAPITAL LETTER A}nn"),
        ("istanbul", "\N{RIGHT-TO-LEFT MARK}Istanbul"),
    ],
)
def test_author_is_the_same_in_similar_letters(written, stated):
    assert value_hash(AUTHOR, written) == value_hash(AUTHOR, stated)


def test_unstated_values_and_text_that_is_no_address_match_nothing():
    empty = {"image_url": "one/1.jpg", "page_url": "", "author": "", "license": ""}
    assert (
        url_hash("one/1.jpg")
        == url_hash("http://[")
        == url_hash("http://a:b/")
        == value_hash(AUTHOR, " ")
        == ""
    )
    assert not ForgottenList({value_hash(AUTHOR, "Bo"): AUTHOR}).has_source(empty)
    assert not NOTHING.has_source(ROW)


def test_list_holds_hashes_and_no_value(tmp_path):
    file = tmp_path / "data" / "forgotten.csv"
    hashes = [
        url_hash(ROW["image_url"]),
        value_hash(AUTHOR, ROW["author"]),
        hashlib.sha256(b"an image").hexdigest(),
    ]
    assert add_forgotten(file, [*hashes, ""], AUTHOR, "2026-11-28") == 3
    assert add_forgotten(file, hashes, HOST, "2027-01-01") == 0
    text = file.read_text(encoding="utf-8")
    assert text == "sha256,reason,date\n" + "".join(f"{each},author,2026-11-28\n" for each in sorted(hashes))
    assert not [secret for secret in SECRETS if secret in text]
    assert read_forgotten(file).has_content(hashes[2])
    assert read_forgotten(tmp_path / "missing.csv") == NOTHING


@pytest.mark.parametrize(
    "text",
    [
        "sha,reason\n",
        "sha256,reason,date\nabc,author,2026-01-01\n",
        f"sha256,reason,date\n{'a' * 64},name,x\n",
        "\udcff",
    ],
)
def test_malformed_list_is_a_user_error(tmp_path, text):
    file = tmp_path / "forgotten.csv"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"forgotten\.csv"):
        read_forgotten(file)
