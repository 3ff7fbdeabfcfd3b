import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herodex.generator.spelling import RULES, changed_by, display, normalise


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Farfetch’d", "farfetch'd"),
        ("Farfetchʼd", "farfetch'd"),
        ("FLABE\u0301BE\u0301", "flabébé"),
        ("  Mr.\t\u00a0Mime \n", "mr. mime"),
        ("Type:\x00Null", "type: null"),
        ("\ufeffPikachu\u200b", "pikachu"),
        ("Nidoran♀", "nidoran♀"),
        ("フシギダネ", "フシギダネ"),
        ("İzmir", "i̇zmir"),
        ("\u200b \x07", ""),
        ("Nidoran\u2640\ufe0f", "nidoran♀"),
        ("Ho\u2013Oh", "ho-oh"),
        ("Jangmo\u2011o", "jangmo-o"),
        ("Deoxys (Attack Forme)", "deoxys"),
        ("Giratina [Origin (Forme)]", "giratina"),
        ("Ｐｉｋａｃｈｕ２", "pikachu2"),
        ("Porygon\u2122*", "porygon"),
        ("“Ada”", "ada"),
        ("O`Brien", "o'brien"),
        ("(unnamed)", ""),
        ("Smile :(", "smile :("),
    ],
)
def test_normalise_examples(name: str, text: str) -> None:
    assert normalise(name) == text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mr. mime", "Mr. Mime"),
        ("ho-oh", "Ho-Oh"),
        ("farfetch'd", "Farfetch'd"),
        ("élan", "Élan"),
        ("♀x", "♀x"),
        ("2nd", "2nd"),
        ("ა", "ა"),
        ("", ""),
    ],
)
def test_display_capitalises_words(text: str, name: str) -> None:
    assert display(text) == name


@given(st.text())
def test_normalise_is_idempotent(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)


@given(st.text(string.ascii_lowercase, min_size=1))
def test_rules_keep_plain_letters(name: str) -> None:
    assert {rule(name) for rule in RULES.values()} == {normalise(name)}


@given(st.text(alphabet="abcxyz -.'é♀2", max_size=20))
def test_normalise_inverts_display(name: str) -> None:
    assert normalise(display(normalise(name))) == normalise(name)


def test_changed_by_lists_rules_except_case() -> None:
    assert changed_by("Farfetch’d") == ["apostrophes"]
    assert changed_by("Ho\u2013Oh\u2122 (Ｘ)") == ["hyphens", "marks", "unicode", "notes"]
    assert changed_by("Mew") == []
