import itertools
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from counting_network import write_network
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from herodex.errors import UserError
from herodex.generator.language_model import name_nats
from herodex.generator.names_table import CLEAN_COLUMNS, write_names
from herodex.generator.sample import (
    Generator,
    SampledName,
    SamplingOptions,
    load_generator,
    sample_names,
    sample_texts,
    to_sampled_names,
    top_k_top_p_filter,
)
from herodex.generator.spelling import normalise
from herodex.generator.vocabulary import Vocabulary, build_vocabulary

VOCABULARY = build_vocabulary(["abcde- "])
LENGTH = 8
REAL = ("abba", "ab-a", "abcdeabcde")


def make_generator(
    folder: Path,
    by_step: np.ndarray,
    vocabulary: Vocabulary = VOCABULARY,
    by_token: np.ndarray | None = None,
) -> Generator:
    """Make a generator with logits by number of characters read, and three real names."""
    write_network(folder / "generator", vocabulary, by_step, by_token)
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
    by_step = np.random.default_rng(1).normal(size=(LENGTH + 1, VOCABULARY.size))
    return make_generator(tmp_path_factory.mktemp("models"), by_step)


OPTIONS = st.builds(
    SamplingOptions,
    temperature=st.floats(0.5, 5),
    top_k=st.sampled_from([0, 4, 20]),
    top_p=st.floats(0.7, 1),
    prefix=st.sampled_from(["", "a", "b-", "c d", "e "]),
    min_length=st.integers(1, 6),
    max_length=st.integers(6, 100),
    novel=st.booleans(),
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 15), OPTIONS, st.integers(0, 2**32 - 1))
def test_sample_names_returns_distinct_names_that_satisfy_the_options(
    generator: Generator, count: int, options: SamplingOptions, seed: int
) -> None:
    names = [sampled.name for sampled in sample_names(generator, count, options, seed)]
    assert len(names) == len(set(names)) == count
    for name in names:
        text = normalise(name)
        assert options.min_length <= len(name) <= min(options.max_length, LENGTH)
        assert text.startswith(options.prefix)
        assert name == name.strip()
        assert "  " not in name
        assert set(text) <= set(VOCABULARY.characters)
        nearest = min(Levenshtein.distance(text, real) for real in REAL)
        assert not options.novel or nearest > len(text) / 5


def test_sampling_carries_state_between_characters(tmp_path: Path) -> None:
    # After each step one character is likely, and only the state determines which.
    by_step = np.full((LENGTH + 1, VOCABULARY.size), -100.0)
    for step, token in enumerate([3, 4, 5, 0]):
        by_step[step, token] = 100
    generator = make_generator(tmp_path, by_step)
    expected = "".join(VOCABULARY.characters[token - 1] for token in (3, 4, 5))
    candidates = sample_texts(generator.language_model, 5, SamplingOptions(1), np.random.default_rng(1))
    assert candidates.texts == [expected] * 5
    assert candidates.complete.all()


def test_sampling_carries_state_through_prefix(tmp_path: Path) -> None:
    by_step = np.full((LENGTH + 1, VOCABULARY.size), -100.0)
    for step, token in enumerate([3, 4, 5, 0]):
        by_step[step, token] = 100
    model = make_generator(tmp_path, by_step).language_model
    # A prefix that the network would not sample, then the third character that it samples.
    candidates = sample_texts(model, 3, SamplingOptions(1, prefix="d-"), np.random.default_rng(1))
    assert candidates.texts == ["d-" + VOCABULARY.characters[4]] * 3


def test_sampling_truncates_endless_names_and_marks_them_incomplete(tmp_path: Path) -> None:
    by_step = np.zeros((LENGTH + 1, VOCABULARY.size))
    by_step[:, [0, 1, 2]] = -1000
    model = make_generator(tmp_path, by_step).language_model
    for options, length in ((SamplingOptions(5), LENGTH), (SamplingOptions(5, max_length=3), 3)):
        candidates = sample_texts(model, 20, options, np.random.default_rng(1))
        assert {len(text) for text in candidates.texts} == {length}
        assert not candidates.complete.any()


def test_sampling_prefers_complete_names_over_truncated_ones(tmp_path: Path) -> None:
    # After e, the network samples e forever.
    e = 1 + VOCABULARY.characters.index("e")
    by_token = np.zeros((VOCABULARY.size, VOCABULARY.size))
    by_token[e, np.arange(VOCABULARY.size) != e] = -1000
    generator = make_generator(tmp_path, np.zeros((LENGTH + 1, VOCABULARY.size)), VOCABULARY, by_token)
    candidates = sample_texts(generator.language_model, 200, SamplingOptions(1), np.random.default_rng(1))
    assert any("e" in text for text in candidates.texts)
    assert not any(
        "e" in text for text, end in zip(candidates.texts, candidates.complete, strict=True) if end
    )
    for seed in range(50):
        assert not any(
            "e" in sampled.name.lower() for sampled in sample_names(generator, 5, SamplingOptions(1), seed)
        )
    (only,) = sample_names(generator, 1, SamplingOptions(1, prefix="e", max_length=4), seed=1)
    assert only.name == "Eeee"


def test_names_never_start_with_stop_blank_or_unknown_token(tmp_path: Path) -> None:
    by_step = np.zeros((LENGTH + 1, VOCABULARY.size))
    by_step[:, [0, 1 + VOCABULARY.characters.index(" "), VOCABULARY.unknown]] = 50
    model = make_generator(tmp_path, by_step).language_model
    texts = sample_texts(model, 50, SamplingOptions(1), np.random.default_rng(1)).texts
    assert {text.strip() for text in texts} == set(texts)
    assert all(texts)


def test_character_frequencies_match_softmax(tmp_path: Path) -> None:
    logits = np.array([-100, -100, -100, 0, np.log(2), np.log(5), -100, -100, 100.0])
    by_step = np.vstack([logits, np.where(np.arange(9) == 0, 100, -100)])
    model = make_generator(tmp_path, by_step).language_model
    for temperature, expected in ((1, [1, 2, 5]), (0.5, [1, 4, 25]), (2, [1, 2**0.5, 5**0.5])):
        counts = Counter(
            sample_texts(model, 20_000, SamplingOptions(temperature), np.random.default_rng(1)).texts
        )
        shares = [counts["abc"[i]] / 20_000 for i in range(3)]
        np.testing.assert_allclose(shares, np.array(expected) / np.sum(expected), atol=0.015)


def test_top_k_top_p_filter_keeps_most_likely_tokens_and_their_scores() -> None:
    scores = np.log(np.array([[0.1, 0.5, 0.15, 0.25], [0.25, 0.25, 0.25, 0.25]]))
    assert (top_k_top_p_filter(scores, 0, 1.0) == scores).all()
    assert (top_k_top_p_filter(scores, 2, 1.0) > -np.inf).tolist() == [
        [False, True, False, True],
        [True, True, False, False],
    ]
    # A mass of 0.5 is below 0.6, so the next token stays too.
    assert (top_k_top_p_filter(scores, 0, 0.6)[0] > -np.inf).tolist() == [False, True, False, True]
    assert (top_k_top_p_filter(scores, 0, 0.49)[0] > -np.inf).tolist() == [False, True, False, False]
    narrowed = top_k_top_p_filter(scores, 3, 0.8)
    assert (narrowed[narrowed > -np.inf] == scores[narrowed > -np.inf]).all()


@given(
    st.lists(st.lists(st.floats(-20, 20), min_size=6, max_size=6), min_size=1, max_size=4),
    st.integers(0, 8),
    st.floats(0.01, 1),
)
def test_top_k_top_p_filter_keeps_at_least_one_and_at_most_top_k_tokens(
    rows: list[list[float]], top_k: int, top_p: float
) -> None:
    scores = np.array(rows)
    scores[:, 3] = -np.inf
    narrowed = top_k_top_p_filter(scores, top_k, top_p)
    stays = narrowed > -np.inf
    assert (narrowed.max(axis=1) == scores.max(axis=1)).all()
    assert (stays.sum(axis=1) <= (top_k or 6)).all()
    kept = np.where(stays, np.exp(scores), 0).sum(axis=1) / np.exp(scores).sum(axis=1)
    assert top_k or (kept >= top_p - 1e-9).all()


def test_higher_temperature_increases_entropy(generator: Generator) -> None:
    def entropy(temperature: float) -> float:
        candidates = sample_texts(
            generator.language_model, 2000, SamplingOptions(temperature), np.random.default_rng(1)
        )
        shares = np.array(list(Counter("".join(candidates.texts)).values())) / len("".join(candidates.texts))
        return float(-(shares * np.log(shares)).sum())

    assert entropy(0.5) < entropy(1) < entropy(5)


def test_sample_names_fails_when_model_has_too_few_names(tmp_path: Path) -> None:
    by_step = np.full((LENGTH + 1, VOCABULARY.size), -1000.0)
    by_step[0, [3, 4]] = 0
    by_step[1:, 0] = 0
    generator = make_generator(tmp_path, by_step)
    assert len(sample_names(generator, 2, SamplingOptions(1), seed=1)) == 2
    with pytest.raises(UserError) as failure:
        sample_names(generator, 3, SamplingOptions(1), seed=1)
    assert failure.value.problem == (
        "Only 2 new names could be found, and 3 are asked for (tried 40 rounds at temperature 1)."
    )
    assert failure.value.hint.startswith("Ask for 2 or fewer")


def test_unsatisfiable_options_fail_within_seconds(generator: Generator) -> None:
    # Every name this short with this prefix is a near duplicate of a real name.
    options = SamplingOptions(5, prefix="abba", max_length=5)
    started = time.perf_counter()
    with pytest.raises(UserError) as failure:
        sample_names(generator, 15, options, seed=1)
    assert time.perf_counter() - started < 5
    assert failure.value.problem.startswith("No new name of at most 5 characters starts with 'abba' (tried")
    assert "horten the prefix, allow more lengths" in failure.value.hint
    assert len(sample_names(generator, 3, replace(options, novel=False), seed=1)) == 3


@pytest.mark.parametrize(
    ("options", "problem", "hint"),
    [
        (
            SamplingOptions(1, prefix="a\u202ex\u05d0"),
            "'prefix' has characters that no known name has: x \u05d0 U+202E",
            "U+0020 - a b c d e",
        ),
        (SamplingOptions(1, prefix="\U0001f600"), "no known name has: \U0001f600", "The known ones are"),
        (SamplingOptions(1, prefix="abcdeabcd"), "'prefix' asks for longer names", "has 8 characters"),
        (SamplingOptions(1, min_length=50), "'min_length' asks for longer names", "has 8 characters"),
    ],
)
def test_invalid_options_are_rejected_by_field(
    generator: Generator, options: SamplingOptions, problem: str, hint: str
) -> None:
    with pytest.raises(UserError) as failure:
        sample_names(generator, 1, options, seed=1)
    assert problem in failure.value.problem
    assert hint in failure.value.hint


def test_names_contain_no_mark_that_composes_with_its_letter(tmp_path: Path) -> None:
    # The list has a dot below only on x; Unicode composes it with a, but not with x.
    vocabulary = build_vocabulary(["ax\u0323"])
    generator = make_generator(tmp_path, np.zeros((LENGTH + 1, vocabulary.size)), vocabulary)
    for seed in range(20):
        for sampled in sample_names(generator, 10, SamplingOptions(1, min_length=2, max_length=5), seed):
            assert "\u1ea1" not in sampled.name
            assert 2 <= len(sampled.name) <= 5


def test_sample_names_depends_on_seed(generator: Generator) -> None:
    assert sample_names(generator, 15, SamplingOptions(1), seed=7) == sample_names(
        generator, 15, SamplingOptions(1), seed=7
    )
    assert sample_names(generator, 15, SamplingOptions(1), seed=7) != sample_names(
        generator, 15, SamplingOptions(1), seed=8
    )


def test_same_seed_gives_same_names_in_new_process_without_heavy_imports(tmp_path: Path) -> None:
    by_step = np.random.default_rng(1).normal(size=(LENGTH + 1, VOCABULARY.size))
    generator = make_generator(tmp_path, by_step)
    script = (
        "import sys; from pathlib import Path; from herodex.generator.sample import *;"
        "from herodex.generator.score import score_names;"
        "generator = load_generator(Path('.'), Path('clean.csv'));"
        "print('|'.join(s.name for s in sample_names(generator, 15, SamplingOptions(1.5), 42)));"
        "print({'tensorflow', 'keras', 'mlflow', 'dvc', 'scrapy', 'pandas', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    names, heavy = done.stdout.splitlines()
    assert names == "|".join(
        sampled.name for sampled in sample_names(generator, 15, SamplingOptions(1.5), 42)
    )
    assert heavy == "set()"


def test_sample_names_is_thread_safe(generator: Generator) -> None:
    alone = [sample_names(generator, 15, SamplingOptions(1), seed) for seed in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert (
            list(pool.map(lambda seed: sample_names(generator, 15, SamplingOptions(1), seed), range(40)))
            == alone
        )


def test_sampled_nats_are_at_temperature_1_for_any_options(generator: Generator) -> None:
    model = generator.language_model
    for options in (
        SamplingOptions(0.5),
        SamplingOptions(5, max_length=3),
        SamplingOptions(2, top_k=3, prefix="b-", min_length=5),
    ):
        candidates = sample_texts(model, 50, options, np.random.default_rng(1))
        np.testing.assert_allclose(candidates.nats, name_nats(model, candidates.texts), atol=1e-4)
        for sampled in sample_names(generator, 5, options, seed=1):
            (nats,) = name_nats(model, [normalise(sampled.name)])
            assert sampled.nats == pytest.approx(nats / (len(sampled.name) + 1), abs=1e-3)


def test_novel_names_of_three_kana_may_be_one_edit_from_real_names(tmp_path: Path) -> None:
    kana = build_vocabulary(["あいう"])
    by_step = np.zeros((4, kana.size))
    by_step[:3, 0] = by_step[3, 1:] = -1000
    write_network(tmp_path / "generator", kana, by_step)
    # Every text of three kana but あああ and its like is at most one edit from one of these.
    names = ["".join(name) for name in itertools.product("あいう", repeat=3) if len(set(name)) > 1]
    write_names(tmp_path / "clean.csv", ("name", "text"), [{"name": name, "text": name} for name in names])
    generator = load_generator(tmp_path, tmp_path / "clean.csv")
    found = sample_names(generator, 3, SamplingOptions(1.0, min_length=3), seed=1)
    assert {(name.name, name.distance) for name in found} == {("あああ", 1), ("いいい", 1), ("ううう", 1)}


def test_new_name_has_nearest_real_name_and_distance(generator: Generator) -> None:
    (sampled,) = to_sampled_names(generator, ["abb-e"], np.array([9.0]))
    assert sampled == SampledName("Abb-E", True, "Abba", 2, 1.5)


@pytest.mark.parametrize(("text", "name"), [("ab-a", "Ab-a"), ("abcdeabcde", "ABCDEABCDE")])
def test_real_name_is_not_novel_and_keeps_its_spelling(generator: Generator, text: str, name: str) -> None:
    (sampled,) = to_sampled_names(generator, [text], np.array([9.0]))
    assert (sampled.name, sampled.novel, sampled.nearest, sampled.distance) == (name, False, name, 0)
