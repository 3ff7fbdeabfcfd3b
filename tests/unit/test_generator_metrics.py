import math

import numpy as np
import pandas as pd
import pytest

from herodex.generator import metrics
from herodex.generator.metrics import cross_validation_metrics, mean, per_character, perplexity


def test_per_character_weights_names_by_length() -> None:
    figure = per_character(np.array([2.0, 27.0]), np.array([1, 9]), seed=1)
    assert figure["value"] == 2.9
    assert figure["n"] == 2


def test_per_character_interval_has_nominal_coverage() -> None:
    rng = np.random.default_rng(5)
    lengths = rng.integers(4, 12, size=(200, 80))
    nats = lengths * rng.normal(2.5, 0.5, size=lengths.shape)
    held = [
        figure["low"] <= 2.5 <= figure["high"]
        for figure in (per_character(*sample, seed=1) for sample in zip(nats, lengths, strict=True))
    ]
    assert 0.9 <= np.mean(held) <= 0.99


def test_per_character_interval_depends_on_seed_only() -> None:
    nats, lengths = np.arange(1.0, 30), np.arange(1, 30)[::-1]
    assert per_character(nats, lengths, seed=3) == per_character(nats, lengths, seed=3)
    assert per_character(nats, lengths, seed=3) != per_character(nats, lengths, seed=4)


def test_perplexity_of_uniform_distribution_is_number_of_characters() -> None:
    figure = per_character(np.full(4, 5 * math.log(30)), np.full(4, 5), seed=1)
    assert perplexity(figure)["value"] == pytest.approx(30, abs=1e-4)


def test_cross_validation_metrics_cover_each_fold_and_all() -> None:
    rows = [("2", "ab", 6.0), ("2", "c", 4.0), ("10", "abcd", 20.0)]
    figures = cross_validation_metrics(pd.DataFrame(rows, columns=["fold", "text", "nats"]), seed=1)
    assert figures["nats"]["value"] == 3
    assert {name: figure["value"] for name, figure in figures["by_fold"].items()} == {"2": 2, "10": 4}
    assert (figures["nats"]["n"], figures["by_fold"]["2"]["n"]) == (3, 2)


def test_mean_has_interval_around_it() -> None:
    figure = mean(np.array([1, 2, 3, 6]), seed=1)
    assert figure["value"] == 3
    assert figure["low"] < 3 < figure["high"]
    assert figure["n"] == 4


@pytest.mark.parametrize("drawn_at_once", [1, 333, 10_000_000])
def test_interval_does_not_depend_on_the_number_of_indices_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch, drawn_at_once: int
) -> None:
    rng = np.random.default_rng(1)
    nats, characters = rng.uniform(5, 40, 51), rng.integers(3, 12, 51)
    expected = per_character(nats, characters, seed=1)
    monkeypatch.setattr(metrics, "DRAWN_AT_ONCE", drawn_at_once)
    assert per_character(nats, characters, seed=1) == expected
