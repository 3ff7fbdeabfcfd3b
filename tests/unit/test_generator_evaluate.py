from pathlib import Path

import numpy as np
import pytest
from counting_network import write_network

from herodex.generator.evaluate import evaluate, measure, measure_samples, sample_table, trigram_nats
from herodex.generator.language_model import load_language_model
from herodex.generator.names_table import write_names
from herodex.generator.sample import load_generator
from herodex.generator.vocabulary import build_vocabulary


def test_the_stop_counts_as_a_character() -> None:
    figures = measure(np.array([6.0, 4.0]), np.array([8.0, 4.5]), ["ab", "c"], seed=1)
    assert figures["nats"]["value"] == 2
    assert figures["trigram"]["value"] == 2.5
    assert figures["gain"]["value"] == 0.5
    assert figures["perplexity"]["value"] == pytest.approx(np.e**2, abs=1e-5)
    assert (figures["n_names"], figures["n_characters"]) == (2, 5)


def test_the_gain_is_paired_name_by_name() -> None:
    rng = np.random.default_rng(1)
    nats = rng.uniform(5, 40, 50)
    figures = measure(nats, nats + 5, ["abcd"] * 50, seed=1)
    assert figures["gain"]["low"] == figures["gain"]["high"] == 1
    assert figures["nats"]["high"] - figures["nats"]["low"] > 0.5


def test_the_trigram_model_thinks_more_of_names_like_those_it_knows() -> None:
    known = ["banana", "bandana", "havana"]
    like, unlike = trigram_nats(known, ["savana", "xqkwzj"], build_vocabulary(known))
    assert like < unlike < np.inf


def test_samples_are_counted_by_where_they_are_found() -> None:
    shares = measure_samples(["a", "b", "c", "c"], known={"a"}, test={"b"})
    assert {name: figure["value"] for name, figure in shares.items()} == {
        "new": 0.5,
        "in_train": 0.25,
        "in_test": 0.25,
        "unique": 0.75,
    }
    assert {figure["n"] for figure in shares.values()} == {4}


def test_sampled_names_are_listed_with_their_nearest_real_one(tmp_path: Path) -> None:
    write_network(tmp_path / "generator", build_vocabulary(["abc"]), np.zeros((4, 5)))
    write_names(
        tmp_path / "names.csv", ("name", "text"), [{"name": n, "text": n.lower()} for n in ("Abc", "Cab")]
    )
    generator = load_generator(tmp_path, tmp_path / "names.csv")
    table = sample_table(generator, ["cab", "abb", "abc"], known={"abc"}, test={"cab"})
    assert table.to_csv(index=False).splitlines() == [
        "name,status,nearest,distance",
        "Cab,in test,Cab,0",
        "Abb,new,Abc,1",
        "Abc,in train,Abc,0",
    ]


def test_a_character_that_only_the_test_part_has_is_counted_and_costs_what_the_model_says(
    tmp_path: Path,
) -> None:
    by_step = np.zeros((4, 5))
    by_step[:, 4] = -8
    write_network(tmp_path, build_vocabulary(["abc"]), by_step)
    model = load_language_model(tmp_path)
    figures = evaluate(model, ["a", "ab"], ["c"], ["aß"], seed=1)
    assert figures["n_unknown"] == 1
    each = np.log(4 + np.exp(-8))
    assert figures["nats"]["value"] == pytest.approx((3 * each + 8) / 3, abs=1e-5)
    assert figures["nats_train"]["value"] == pytest.approx(each, abs=1e-5)
    assert figures["uniform"] == pytest.approx(np.log(5), abs=1e-6)
    assert (figures["nats_train"]["n"], figures["nats_validation"]["n"]) == (2, 1)
