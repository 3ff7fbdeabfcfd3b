import pytest

from herodex.generator.pronounceable import pronounceable


@pytest.mark.parametrize(
    "text",
    ["pikachu", "rhydon", "flabébé", "ho-oh", "type: null", "nidoran♀", "porygon2", "lynx", "gastrodon"],
)
def test_what_people_can_say_passes(text: str) -> None:
    assert pronounceable(text) is True


@pytest.mark.parametrize("text", ["mr. mime", "xqzk", "angstschrei", "aeiou", "2", "♂", ""])
def test_words_without_vowels_and_long_runs_fail(text: str) -> None:
    assert pronounceable(text) is False


@pytest.mark.parametrize("text", ["ピカチュウ", "سلام", "пикачу", "pikaчу"])
def test_the_rule_is_silent_on_other_scripts(text: str) -> None:
    assert pronounceable(text) is None
