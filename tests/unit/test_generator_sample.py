import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from counting_network import write_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herodex.errors import UserError
from herodex.generator.names_table import CLEAN_COLUMNS, write_names
from herodex.generator.sample import Generator, describe, draw_texts, load_generator, sample_names
from herodex.generator.spelling import normalise
from herodex.generator.vocabulary import Vocabulary, build_vocabulary

VOCABULARY = build_vocabulary(["abcde- "])
LENGTH = 8


def make_generator(folder: Path, by_step: np.ndarray, vocabulary: Vocabulary = VOCABULARY) -> Generator:
    """A generator with the given logits after so many characters, and three real names."""
    write_network(folder / "generator", vocabulary, by_step)
    rows = [
        {"name": "Abba", "text": "abba", "kept": "1"},
        {"name": "Ab-a", "text": "ab-a", "kept": "1"},
        {"name": "ABCDEABCDE", "text": "abcdeabcde", "kept": "0", "reason": "too long"},
        {"name": " ", "text": "", "kept": "0", "reason": "empty"},
    ]
    table = [dict.fromkeys(CLEAN_COLUMNS, "") | row for row in rows]
    write_names(folder / "clean.csv", CLEAN_COLUMNS, table)
    return load_generator(folder, folder / "clean.csv")


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    by_step = np.random.default_rng(1).normal(size=(LENGTH, VOCABULARY.size))
    return make_generator(tmp_path_factory.mktemp("models"), by_step)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 15), st.floats(0.5, 5), st.integers(0, 2**32 - 1))
def test_an_answer_has_as_many_names_as_asked_for_none_empty_or_twice(
    generator: Generator, count: int, temperature: float, seed: int
) -> None:
    names = [sampled.name for sampled in sample_names(generator, count, temperature, seed)]
    assert len(names) == len(set(names)) == count
    for name in names:
        assert 1 <= len(name) <= LENGTH
        assert name == name.strip()
        assert set(normalise(name)) <= set(VOCABULARY.characters)


def test_the_state_is_carried_from_character_to_character(tmp_path: Path) -> None:
    # After each step only one character is likely, and which one only the state can tell.
    by_step = np.full((LENGTH, VOCABULARY.size), -100.0)
    for step, token in enumerate([3, 4, 5, 0]):
        by_step[step, token] = 100
    generator = make_generator(tmp_path, by_step)
    expected = "".join(VOCABULARY.characters[token - 1] for token in (3, 4, 5))
    assert draw_texts(generator.language_model, 5, 1, np.random.default_rng(1)) == [expected] * 5


def test_a_name_that_never_stops_ends_at_the_longest_known_length(tmp_path: Path) -> None:
    by_step = np.zeros((LENGTH, VOCABULARY.size))
    by_step[:, [0, 1, 2]] = -1000
    texts = draw_texts(make_generator(tmp_path, by_step).language_model, 20, 5, np.random.default_rng(1))
    assert {len(text) for text in texts} == {LENGTH}


def test_neither_stop_nor_blank_nor_the_unknown_character_starts_a_name(tmp_path: Path) -> None:
    by_step = np.zeros((LENGTH, VOCABULARY.size))
    by_step[:, [0, 1 + VOCABULARY.characters.index(" "), VOCABULARY.unknown]] = 50
    texts = draw_texts(make_generator(tmp_path, by_step).language_model, 50, 1, np.random.default_rng(1))
    assert {len(text) for text in texts} == {1}


def test_characters_come_as_often_as_the_softmax_says(tmp_path: Path) -> None:
    logits = np.array([-100, -100, -100, 0, np.log(2), np.log(5), -100, -100, 100.0])
    by_step = np.vstack([logits, np.where(np.arange(9) == 0, 100, -100)])
    model = make_generator(tmp_path, by_step).language_model
    for temperature, expected in ((1, [1, 2, 5]), (0.5, [1, 4, 25]), (2, [1, 2**0.5, 5**0.5])):
        counts = Counter(draw_texts(model, 20_000, temperature, np.random.default_rng(1)))
        measured = [counts["abc"[i]] / 20_000 for i in range(3)]
        np.testing.assert_allclose(measured, np.array(expected) / np.sum(expected), atol=0.015)


def test_a_higher_temperature_gives_more_varied_names(generator: Generator) -> None:
    def entropy(temperature: float) -> float:
        texts = draw_texts(generator.language_model, 2000, temperature, np.random.default_rng(1))
        shares = np.array(list(Counter("".join(texts)).values())) / len("".join(texts))
        return float(-(shares * np.log(shares)).sum())

    assert entropy(0.5) < entropy(1) < entropy(5)


def test_a_model_with_too_few_names_says_so_and_ends(tmp_path: Path) -> None:
    by_step = np.full((LENGTH, VOCABULARY.size), -1000.0)
    by_step[0, [3, 4]] = 0
    by_step[1:, 0] = 0
    generator = make_generator(tmp_path, by_step)
    assert len(sample_names(generator, 2, 1, seed=1)) == 2
    with pytest.raises(UserError, match="Only 2 different names came in 150 tries at temperature 1"):
        sample_names(generator, 3, 1, seed=1)


def test_names_repeat_with_their_seed_and_differ_with_another(generator: Generator) -> None:
    assert sample_names(generator, 15, 1, seed=7) == sample_names(generator, 15, 1, seed=7)
    assert sample_names(generator, 15, 1, seed=7) != sample_names(generator, 15, 1, seed=8)


def test_the_same_seed_gives_the_same_names_in_another_process_without_heavy_imports(tmp_path: Path) -> None:
    by_step = np.random.default_rng(1).normal(size=(LENGTH, VOCABULARY.size))
    generator = make_generator(tmp_path, by_step)
    script = (
        "import sys; from pathlib import Path; from herodex.generator.sample import *;"
        "generator = load_generator(Path('.'), Path('clean.csv'));"
        "print('|'.join(s.name for s in sample_names(generator, 15, 1.5, 42)));"
        "print({'tensorflow', 'keras', 'mlflow', 'dvc', 'scrapy', 'pandas', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    names, heavy = done.stdout.splitlines()
    assert names.split("|") == [sampled.name for sampled in sample_names(generator, 15, 1.5, 42)]
    assert heavy == "set()"


def test_callers_at_the_same_time_do_not_disturb_each_other(generator: Generator) -> None:
    alone = [sample_names(generator, 15, 1, seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda seed: sample_names(generator, 15, 1, seed), range(40))) == alone


def test_a_new_name_is_compared_with_the_nearest_real_one(generator: Generator) -> None:
    sampled = describe(generator, "abb-e")
    assert (sampled.name, sampled.novel, sampled.nearest, sampled.distance) == ("Abb-E", True, "Abba", 2)


@pytest.mark.parametrize(("text", "name"), [("ab-a", "Ab-a"), ("abcdeabcde", "ABCDEABCDE")])
def test_a_real_name_is_not_novel_and_is_written_as_in_the_list(
    generator: Generator, text: str, name: str
) -> None:
    sampled = describe(generator, text)
    assert (sampled.name, sampled.novel, sampled.nearest, sampled.distance) == (name, False, name, 0)
