import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from herodex.generator.real_names import is_near_duplicate, real_names

REAL = real_names(
    {"name": name, "text": name.strip().lower()} for name in ("Mew", "MEW", " ", "Ho-Oh", "ミュウツー")
)


def test_real_names_keep_first_spelling_of_each_text() -> None:
    assert REAL.name_of == {"mew": "Mew", "ho-oh": "Ho-Oh", "ミュウツー": "ミュウツー"}
    assert REAL.texts == ("mew", "ho-oh", "ミュウツー")


def test_nearest_name_is_found_in_any_script() -> None:
    assert REAL.nearest(["ho oh!", "ミュウ", ""]) == [("Ho-Oh", 2), ("ミュウツー", 2), ("Mew", 3)]
    # Among equally near names, the first in the table.
    assert real_names([{"name": n, "text": n} for n in "bac"]).nearest(["x"]) == [("b", 1)]


@given(st.lists(st.text("mewho-ュウ", max_size=7), min_size=1, max_size=5))
def test_nearest_name_has_minimum_distance(texts: list[str]) -> None:
    expected = [min(Levenshtein.distance(text, real) for real in REAL.texts) for text in texts]
    assert [distance for _, distance in REAL.nearest(texts)] == expected


@pytest.mark.parametrize(
    ("text", "distance", "near"),
    [
        ("さとう", 0, True),
        ("さとお", 1, False),
        ("ひが", 1, False),
        ("anno", 1, False),
        ("annas", 1, True),
        ("pikachi", 1, True),
        ("pikachis", 2, False),
        ("charmendor", 2, True),
        ("charmendors", 3, False),
        ("", 0, True),
    ],
)
def test_near_duplicate_depends_on_edits_relative_to_length(text: str, distance: int, near: bool) -> None:
    assert is_near_duplicate(text, distance) == near
