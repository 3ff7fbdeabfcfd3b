from pathlib import Path

import keras
import numpy as np
import pytest

from herodex.determinism import seed_keras
from herodex.generator import pretrain
from herodex.generator.folds import Fold
from herodex.generator.language_model import load_language_model, name_nats, run_step, start_batch
from herodex.generator.network import build_network, transfer_weights
from herodex.generator.train import Trainer, cross_validate, fit, initialise, write_model
from herodex.generator.training_loop import text_nats
from herodex.generator.vocabulary import build_vocabulary, encode, pad
from herodex.params import DropoutParams, NetworkParams, PretrainParams, TrainGeneratorParams

# TensorFlow 2.21 lacks an argument that NumPy passes since 2.0.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

NAMES = ["bulbasaur", "ivysaur", "mew", "mewtwo", "ho-oh", "mr. mime"]
VOCABULARY = build_vocabulary(NAMES)
SIZES = NetworkParams(embedding=5, units=7)
DROPOUT = DropoutParams(embedding_dropout=0.2, dropout=0.4, recurrent_dropout=0.4)
PARAMS = TrainGeneratorParams(
    **DROPOUT.model_dump(),
    learning_rate=0.01,
    averaging=0.5,
    batch_size=2,
    epochs=3,
    patience=2,
    folds=2,
    max_folded=100,
)
PRETRAINING = PretrainParams(
    embedding_dropout=0,
    dropout=0,
    recurrent_dropout=0,
    max_words=100,
    learning_rate=0.01,
    batch_size=4,
    epochs=3,
)


def build() -> keras.Model:
    return build_network(VOCABULARY.size, SIZES, DROPOUT)


def weights(network: keras.Model) -> list[np.ndarray]:
    return [np.array(weight) for weight in network.trainable_variables]


def test_exported_steps_match_keras_sequence(tmp_path: Path) -> None:
    network = build()
    write_model(network, VOCABULARY, max_length=9, directory=tmp_path)
    inputs, _, _ = pad(encode(VOCABULARY, NAMES))
    expected = np.asarray(network(inputs))
    model = load_language_model(tmp_path)
    request, state = start_batch(model, len(NAMES))
    for step in range(inputs.shape[1]):
        logits, state = run_step(request, inputs[:, step], state)
        np.testing.assert_allclose(logits, expected[:, step], atol=1e-4)
    assert state.shape == (len(NAMES), 7)
    assert np.ptp(expected, axis=0).max() > 1e-3


def test_exported_network_accepts_any_batch_size(tmp_path: Path) -> None:
    write_model(build(), VOCABULARY, max_length=9, directory=tmp_path)
    model = load_language_model(tmp_path)
    for count in (1, 15, 1000):
        request, state = start_batch(model, count)
        logits, _ = run_step(request, np.zeros(count, int), state)
        assert logits.shape == (count, VOCABULARY.size)


def test_nats_match_between_keras_and_exported_network(tmp_path: Path) -> None:
    network = build()
    write_model(network, VOCABULARY, max_length=9, directory=tmp_path)
    exported = name_nats(load_language_model(tmp_path), NAMES)
    np.testing.assert_allclose(text_nats(network, VOCABULARY, NAMES), exported, atol=1e-3)


def test_transfer_weights_matches_tokens_by_character() -> None:
    source, of_source = build(), VOCABULARY
    of_target = build_vocabulary(["zebra mew"])
    target = build_network(of_target.size, SIZES, DROPOUT)
    transfer_weights(source, of_source, target, of_target)
    shared = [text for text in ("mew", "ear", "web") if set(text) <= set(of_source.characters)]
    assert shared
    inputs, _, _ = pad(encode(of_source, shared))
    theirs, _, _ = pad(encode(of_target, shared))
    before, after = np.asarray(source(inputs)), np.asarray(target(theirs))
    for character in set("mewar b") & set(of_source.characters):
        token, new = (1 + v.characters.index(character) for v in (of_source, of_target))
        np.testing.assert_allclose(after[:, :, new], before[:, :, token], atol=1e-5)
    # A character unknown to the source gets the output of its unknown token.
    unseen = 1 + of_target.characters.index("z")
    np.testing.assert_allclose(after[:, :, unseen], before[:, :, of_source.unknown], atol=1e-5)


def test_pretraining_lowers_cross_entropy_and_unknown_token_probability() -> None:
    words = [
        first + second for first in ("ba", "co", "du", "fe") for second in ("ll", "nd", "st", "tter")
    ] * 3
    words = [
        f"{word}{ending}" for word in sorted(set(words)) for ending in ("", "s", "ing", "ed", "er", "ness")
    ]
    params = PRETRAINING.model_copy(update={"epochs": 40})
    network, vocabulary, history = pretrain.fit(words, SIZES, params, seed=1)
    assert history["validation_nats"].iloc[-1] < 0.7 * history["validation_nats"].iloc[0]
    inputs, _, _ = pad(encode(vocabulary, ["ball"]))
    logits = np.asarray(network(inputs))[0]
    assert (logits[:, vocabulary.unknown] < logits.max(axis=1) - 3).all()


def test_cross_validation_restores_network_and_separates_folds() -> None:
    seed_keras(1)
    network = initialise(VOCABULARY, NAMES, None, SIZES, PARAMS)
    before = weights(network)
    trainer = Trainer(network, VOCABULARY, PARAMS)
    folds = [
        Fold("a", NAMES[:4], NAMES[4:]),
        Fold("b", NAMES[2:], NAMES[:2]),
        Fold("a again", NAMES[:4], NAMES[4:]),
    ]
    params = PARAMS.model_copy(update={"dropout": 0.0})
    history, held_out = cross_validate(trainer, folds, seed=1)
    assert list(held_out["text"]) == NAMES[4:] + NAMES[:2] + NAMES[4:]
    assert len(history) <= params.epochs
    for value, after in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(value, after)
    # A single fold selects its epoch, so its returned nats are the best validation figure of the history.
    history, held_out = cross_validate(trainer, folds[:1], seed=1)
    characters = sum(len(text) + 1 for text in held_out["text"])
    assert held_out["nats"].sum() / characters == pytest.approx(history["validation_nats"].min(), abs=1e-4)


def test_training_lowers_nats_and_selects_best_epoch(tmp_path: Path) -> None:
    params = PARAMS.model_copy(
        update={"epochs": 25, "dropout": 0.0, "recurrent_dropout": 0.0, "embedding_dropout": 0.0}
    )
    seed_keras(1)
    network = initialise(VOCABULARY, NAMES, None, SIZES, params)
    first = text_nats(network, VOCABULARY, NAMES).sum()
    # The held-out names are training names too, so their cross-entropy keeps falling.
    folds = [Fold("a", NAMES, NAMES[:3]), Fold("b", NAMES, NAMES[3:])]
    fitted = fit(network, VOCABULARY, folds, NAMES, params, seed=1)
    write_model(fitted.network, VOCABULARY, max_length=9, directory=tmp_path)
    best = int(np.argmin(fitted.history["validation_nats"]))
    assert len(fitted.history) in {params.epochs, best + 1 + params.patience}
    assert name_nats(load_language_model(tmp_path), NAMES).sum() < 0.9 * first


def test_names_in_other_script_start_from_random_weights() -> None:
    words, vocabulary = build(), VOCABULARY
    names = ["ピカチュウ", "ライチュウ", "イーブイ"]
    for texts, taken in ((names, False), (NAMES, True)):
        seed_keras(1)
        network = initialise(build_vocabulary(texts), texts, (words, vocabulary), SIZES, PARAMS)
        pretrained = np.array(words.get_layer("gru").get_weights()[1])
        assert np.array_equal(network.get_layer("gru").get_weights()[1], pretrained) == taken
