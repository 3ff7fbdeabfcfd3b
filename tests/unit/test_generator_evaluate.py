from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from counting_network import write_network

from herodex.generator.evaluate import (
    cross_entropy_metrics,
    cross_validated,
    evaluate,
    ngram_nats,
    pronounceable_share,
    sample_metrics,
    sample_table,
)
from herodex.generator.evaluate import (
    test_part as score_test_part,
)
from herodex.generator.language_model import LanguageModel, load_language_model
from herodex.generator.names_table import write_names
from herodex.generator.real_names import real_names
from herodex.generator.sample import Candidates, load_generator
from herodex.generator.vocabulary import build_vocabulary


def test_cross_entropy_counts_stop_token_as_character() -> None:
    baselines = {"trigram": np.array([8.0, 4.5]), "5-gram": np.array([5.0, 5.0])}
    figures = cross_entropy_metrics(np.array([6.0, 4.0]), baselines, ["ab", "c"], seed=1)
    assert figures["nats"]["value"] == 2
    assert figures["trigram"]["value"] == 2.5
    assert figures["5-gram"]["value"] == 2
    assert figures["gain"]["value"] == 0.5
    assert figures["perplexity"]["value"] == pytest.approx(np.e**2, abs=1e-5)
    assert (figures["n_names"], figures["n_characters"]) == (2, 5)


def test_gain_is_paired_by_name() -> None:
    rng = np.random.default_rng(1)
    nats = rng.uniform(5, 40, 50)
    figures = cross_entropy_metrics(nats, {"trigram": nats + 5}, ["abcd"] * 50, seed=1)
    assert figures["gain"]["low"] == figures["gain"]["high"] == 1
    assert figures["nats"]["high"] - figures["nats"]["low"] > 0.5


def test_ngram_prefers_names_similar_to_known_ones() -> None:
    known = ["banana", "bandana", "havana"]
    for order in (3, 5):
        like, unlike = ngram_nats(known, ["savana", "xqkwzj"], order, build_vocabulary(known))
        assert like < unlike < np.inf


def test_sample_metrics_count_origins_and_distances() -> None:
    real = real_names([{"name": name, "text": name} for name in ("aba", "babab")])
    texts = ["aba", "babab", "bababa", "cccc", "cccc"]
    figures = sample_metrics(texts, {"aba"}, {"babab"}, real, seed=1)
    values = {name: figure["value"] if figure else None for name, figure in figures.items()}
    assert values == {
        "new": 0.6,
        "in_train": 0.2,
        "in_test": 0.2,
        "apart": 0.4,
        "unique": 0.8,
        "pronounceable": 0.6,
        "distance": (0 + 0 + 1 + 4 + 4) / 5,
    }
    assert {figure["n"] for figure in figures.values() if figure} == {5}


def test_pronounceable_share_ignores_other_scripts() -> None:
    assert pronounceable_share(["ピカ", "チュウ"]) is None
    mixed = pronounceable_share(["ピカ", "pika", "pkx"])
    assert mixed
    assert (mixed["value"], mixed["n"]) == (0.5, 2)


def test_sample_table_lists_nearest_real_names(tmp_path: Path) -> None:
    write_network(tmp_path / "generator", build_vocabulary(["abc"]), np.zeros((4, 5)))
    write_names(
        tmp_path / "names.csv", ("name", "text"), [{"name": n, "text": n.lower()} for n in ("Abc", "Cab")]
    )
    generator = load_generator(tmp_path, tmp_path / "names.csv")
    candidates = Candidates(["cab", "abb", "abc", "a"], np.ones(4, bool), np.array([4.0, 6.0, 8.0, 2.0]))
    table = sample_table(generator, candidates, 3, known={"abc"}, test={"cab"})
    assert table.to_csv(index=False).splitlines() == [
        "name,status,nats,nearest,distance",
        "Cab,in test,1.0,Cab,0",
        "Abb,new,1.5,Abc,1",
        "Abc,in train,2.0,Abc,0",
    ]


def score_test(model: LanguageModel, known: list[str], test: list[str], words: set[str]) -> dict[str, Any]:
    return evaluate(model, score_test_part(model, known, test), known, words, seed=1)


def test_evaluate_counts_and_scores_characters_outside_the_vocabulary(
    tmp_path: Path,
) -> None:
    by_step = np.zeros((4, 5))
    by_step[:, 4] = -8
    write_network(tmp_path, build_vocabulary(["abc"]), by_step)
    model = load_language_model(tmp_path)
    figures = score_test(model, ["a", "ab", "c"], ["aß"], set())
    assert figures["n_unknown"] == 1
    each = np.log(4 + np.exp(-8))
    assert figures["nats"]["value"] == pytest.approx((3 * each + 8) / 3, abs=1e-5)
    assert figures["nats_train"]["value"] == pytest.approx(each, abs=1e-5)
    assert figures["uniform"] == pytest.approx(np.log(5), abs=1e-6)
    assert figures["nats_train"]["n"] == 3


def test_evaluate_separates_pretraining_words_and_blanks(tmp_path: Path) -> None:
    by_step = np.zeros((6, 5))
    by_step[:, 1] = -8
    write_network(tmp_path, build_vocabulary(["ab "]), by_step)
    model = load_language_model(tmp_path)
    figures = score_test(model, ["ab"], ["a b", "ab", "ba"], {"ab", "xyz"})
    assert figures["n_in_words"] == 1
    assert figures["not_in_words"]["n"] == 2
    assert figures["without_blanks"]["value"] == pytest.approx(np.log(4 + np.exp(-8)), abs=1e-4)
    assert figures["nats"]["value"] > figures["without_blanks"]["value"] + 0.5
    figures = score_test(model, ["ab"], ["ab"], {"ab"})
    assert "not_in_words" not in figures


def test_evaluate_takes_cross_validated_nats_and_fits_baselines_to_the_same_folds(tmp_path: Path) -> None:
    write_network(tmp_path, build_vocabulary(["abz"]), np.zeros((6, 5)))
    model = load_language_model(tmp_path)
    table = pd.DataFrame({"fold": ["1", "2", "1"], "text": ["ab", "aab", "z"], "nats": [3.0, 8.0, 7.0]})
    held_out = cross_validated(table, model.vocabulary)
    figures = evaluate(model, held_out, table["text"].tolist(), set(), seed=1)
    assert figures["method"] == "cross-validation"
    assert figures["nats"]["value"] == 2
    assert (figures["n_names"], figures["n_unknown"]) == (3, 1)
    trigram = ngram_nats(["aab"], ["ab", "z"], 3, model.vocabulary)
    np.testing.assert_allclose(held_out.baselines["trigram"][[0, 2]], trigram)
    np.testing.assert_allclose(
        held_out.baselines["trigram"][1:2], ngram_nats(["ab", "z"], ["aab"], 3, model.vocabulary)
    )
    assert "without_blanks" not in figures
