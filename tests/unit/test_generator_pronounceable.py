import pytest

from herodex.generator.pronounceable import pronounceable


@pytest.mark.parametrize(
    "text",
    ["pikachu", "rhydon", "flabébé", "ho-oh", "type: null", "nidoran♀", "porygon2", "lynx", "gastrodon"],
)
def test_pronounceable_accepts_speakable_names(text: str) -> None:
    assert pronounceable(text) is True


@pytest.mark.parametrize("text", ["mr. mime", "xqzk", "angstschrei", "aeiou", "2", "♂", ""])
def test_pronounceable_rejects_missing_vowels_and_long_runs(text: str) -> None:
    assert pronounceable(text) is False


@pytest.mark.parametrize("text", ["ピカチュウ", "سلام", "пикачу", "pikaчу"])
def test_pronounceable_is_none_for_other_scripts(text: str) -> None:
    assert pronounceable(text) is None
