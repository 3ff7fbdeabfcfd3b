"""Names in other scripts, from cleaning to sampling and scoring, with a tiny network."""

import unicodedata

import pytest

from herodex.determinism import seed_keras
from herodex.generator.clean import clean
from herodex.generator.folds import make_folds
from herodex.generator.initial_weights import initialise
from herodex.generator.language_model import load_language_model
from herodex.generator.names_table import Row
from herodex.generator.real_names import real_names
from herodex.generator.sample import Generator, SamplingOptions, sample_names
from herodex.generator.score import score_names
from herodex.generator.split import split
from herodex.generator.train import fit, write_model
from herodex.generator.vocabulary import build_vocabulary
from herodex.params import LongListParams, NetworkParams, SplitNamesParams, TrainGeneratorParams

# TensorFlow 2.21 lacks an argument that NumPy passes since 2.0.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

OPENINGS = ["ピカ", "ライ", "مُحَ", "عَبْد", "נֹע", "🦊", "👩🏽‍🚀", "x̌", "한", "हि", "Ва", "𐐔𐐯"]
ENDINGS = ["チュウ", "ツー", "مَّد", "الله", "ם", "🐍🐍", " 🚀", "x̌i", "글", "न्दी", "ня"]


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    """Train a tiny generator on 88 names in ten scripts."""
    found: list[Row] = [
        {"name": opening + ending, "generation": ""}
        for place, opening in enumerate(OPENINGS)
        for offset, ending in enumerate(ENDINGS)
        # Leave combinations for the model to sample.
        if (place + offset) % 3
    ]
    rows = clean(found, max_length=24)
    rows = split(
        rows, SplitNamesParams(by="random", test=[], test_share=0.1, min_test=1, validation=0.1), seed=1
    )
    params = TrainGeneratorParams(
        embedding_dropout=0,
        dropout=0,
        recurrent_dropout=0,
        learning_rate=0.02,
        averaging=0.9,
        batch_size=64,
        epochs=20,
        patience=3,
        folds=2,
        max_folded=100,
        long_list=LongListParams(
            embedding_dropout=0,
            dropout=0,
            recurrent_dropout=0,
            units=24,
            learning_rate=0.02,
            batch_size=64,
            epochs=1,
            max_characters=1,
        ),
    )
    texts = [row["text"] for row in rows if row["part"] != "test"]
    vocabulary = build_vocabulary(texts)
    seed_keras(1)
    trainer, starts = initialise(vocabulary, texts, None, NetworkParams(embedding=8, units=24), params)
    fitted = fit(trainer, starts, make_folds(rows, 100, 2, seed=1), texts, seed=1)
    folder = tmp_path_factory.mktemp("scripts")
    write_model(fitted.network, vocabulary, max(map(len, texts)), folder)
    # Training lowers the validation cross-entropy.
    assert fitted.history["validation_nats"].min() < 0.7 * fitted.history["validation_nats"].iloc[0]
    return Generator(load_language_model(folder), real_names(rows), "tiny")


def test_new_names_are_valid_unicode_in_normal_form(generator: Generator) -> None:
    for options in (SamplingOptions(0.5, novel=False), SamplingOptions(1.5), SamplingOptions(5)):
        for sampled in sample_names(generator, 15, options, seed=1):
            assert unicodedata.normalize("NFC", sampled.name) == sampled.name
            assert sampled.name.encode("utf-8").decode("utf-8") == sampled.name
            # A combining mark needs a letter before it.
            assert unicodedata.category(sampled.name[0])[0] not in "MC"
            assert not options.novel or sampled.distance > len(sampled.name) / 5


@pytest.mark.parametrize("prefix", ["ピカ", "مُ", "🦊", "𐐔", "हि"])
def test_prefix_works_in_any_script(generator: Generator, prefix: str) -> None:
    for sampled in sample_names(generator, 3, SamplingOptions(1.5, prefix=prefix.lower()), seed=1):
        assert sampled.name.lower().startswith(prefix.lower())


def test_real_names_are_recognised_and_unknown_characters_reported(generator: Generator) -> None:
    real, unknown = score_names(generator, ["ライチュウ", "ライqチュウ"])
    assert real.real
    assert real.nats is not None
    assert unknown.nats is None
    assert unknown.unknown == ("q",)
    assert (unknown.nearest, unknown.distance) == ("ライチュウ", 1)
