from pathlib import Path

import numpy as np
import pytest
from counting_network import write_network

from herodex.generator.language_model import name_nats
from herodex.generator.names_table import write_names
from herodex.generator.sample import Generator, load_generator
from herodex.generator.score import score_names
from herodex.generator.vocabulary import build_vocabulary


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """Make a generator of five characters with two real names."""
    folder = tmp_path_factory.mktemp("models")
    by_step = np.random.default_rng(1).normal(size=(9, 7))
    write_network(folder / "generator", build_vocabulary(["abc -"]), by_step)
    rows = [{"name": "Abc", "text": "abc"}, {"name": "Ca-B", "text": "ca-b"}]
    write_names(folder / "names.csv", ("name", "text"), rows)
    return load_generator(folder, folder / "names.csv")


def test_score_is_nats_per_character_including_stop_token(generator: Generator) -> None:
    scored, alone = score_names(generator, ["ccab", "a"])
    nats = name_nats(generator.language_model, ["ccab", "a"])
    assert scored.nats == pytest.approx(nats[0] / 5, abs=5e-4)
    assert alone.nats == pytest.approx(nats[1] / 2, abs=5e-4)


def test_score_ignores_case_and_surrounding_blanks(generator: Generator) -> None:
    plain, decorated = score_names(generator, ["ca-b", "  CA-B\u00a0"])
    assert (plain.nats, plain.real, plain.distance) == (decorated.nats, True, 0)
    assert decorated.nearest == "Ca-B"
    assert decorated.name == "  CA-B\u00a0"


def test_score_reports_unknown_characters_without_nats(generator: Generator) -> None:
    unknown, known = score_names(generator, ["zaж\U0001f600a", "aa"])
    assert unknown.nats is None
    assert unknown.unknown == ("z", "ж", "\U0001f600")
    assert not unknown.real
    assert known.nats is not None
    assert known.unknown == ()


def test_score_accepts_name_longer_than_any_known_one(tmp_path: Path) -> None:
    by_step = np.zeros((41, 5))
    write_network(tmp_path / "generator", build_vocabulary(["abc"]), by_step)
    write_names(tmp_path / "names.csv", ("name", "text"), [{"name": "A", "text": "a"}])
    (scored,) = score_names(load_generator(tmp_path, tmp_path / "names.csv"), ["ab" * 20])
    assert scored.nats == pytest.approx(np.log(5), abs=5e-4)
    assert (scored.nearest, scored.distance) == ("A", 39)
