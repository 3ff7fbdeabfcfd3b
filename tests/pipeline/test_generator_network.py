import re
from pathlib import Path

import keras
import numpy as np
import pytest

from herodex.determinism import seed_keras
from herodex.generator import pretrain
from herodex.generator.folds import Fold
from herodex.generator.initial_weights import initialise
from herodex.generator.language_model import load_language_model, name_nats, run_step, start_batch
from herodex.generator.long_list import fit_long_list
from herodex.generator.model_selection import cross_validate, held_out_table, select
from herodex.generator.network import build_network, transfer_weights
from herodex.generator.train import fit, write_model
from herodex.generator.training_loop import nats_per_character, text_nats, train_epoch
from herodex.generator.training_step import build_training_step, dropout_mask
from herodex.generator.vocabulary import build_vocabulary, encode, pad
from herodex.params import (
    DropoutParams,
    LongListParams,
    NetworkParams,
    PretrainParams,
    TrainGeneratorParams,
)

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
    long_list=LongListParams(
        **DROPOUT.model_dump(), units=12, learning_rate=0.01, batch_size=4, epochs=30, max_characters=10_000
    ),
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


def test_training_cross_entropy_is_that_of_all_batches() -> None:
    network = build_network(
        VOCABULARY.size, SIZES, DropoutParams(embedding_dropout=0, dropout=0, recurrent_dropout=0)
    )
    network.compile(optimizer=keras.optimizers.SGD(0.0))
    sequences = encode(VOCABULARY, NAMES)
    batches = iter([sequences[:1], sequences[1:3], sequences[3:]])
    trained = train_epoch(build_training_step(network), batches, 3, np.random.default_rng(1))
    assert trained == pytest.approx(
        nats_per_character(text_nats(network, VOCABULARY, NAMES), NAMES), abs=1e-5
    )


def test_training_step_without_dropout_changes_weights_as_keras_does() -> None:
    no_dropout = DropoutParams(embedding_dropout=0, dropout=0, recurrent_dropout=0)
    seed_keras(1)
    ours, theirs = (build_network(VOCABULARY.size, SIZES, no_dropout) for _ in range(2))
    theirs.set_weights(ours.get_weights())
    before = ours.get_weights()
    inputs, targets, of_position = pad(encode(VOCABULARY, NAMES))
    ours.compile(optimizer=keras.optimizers.SGD(100.0))
    build_training_step(ours)(inputs, targets, of_position, np.zeros(2, np.int32))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    theirs.compile(optimizer=keras.optimizers.SGD(100.0), loss=loss)
    theirs.train_on_batch(inputs, targets, sample_weight=of_position)
    for old, own, other in zip(before, ours.get_weights(), theirs.get_weights(), strict=True):
        assert np.abs(own - old).max() > 0.01
        np.testing.assert_allclose(own - old, other - old, rtol=1e-3, atol=1e-4)


def test_dropout_mask_drops_its_share_and_keeps_the_mean() -> None:
    mask = np.asarray(dropout_mask([101, 103], 0.3, np.array([1, 2], np.int32)))
    assert np.mean(mask == 0) == pytest.approx(0.3, abs=0.02)
    assert mask.mean() == pytest.approx(1, abs=0.03)
    assert len(np.unique(mask)) == 2


def test_cross_validation_restores_network_and_separates_folds() -> None:
    seed_keras(1)
    trainer, (start,) = initialise(VOCABULARY, NAMES, None, SIZES, PARAMS)
    network = trainer.network
    before = weights(network)
    folds = [
        Fold("a", NAMES[:4], NAMES[4:]),
        Fold("b", NAMES[2:], NAMES[:2]),
        Fold("a again", NAMES[:4], NAMES[4:]),
    ]
    params = PARAMS.model_copy(update={"dropout": 0.0})
    validated = cross_validate(trainer, start, folds, seed=1)
    history, held_out = validated.history, held_out_table(validated)
    assert list(held_out["text"]) == NAMES[4:] + NAMES[:2] + NAMES[4:]
    assert len(history) <= params.epochs
    for value, after in zip(before, weights(network), strict=True):
        np.testing.assert_array_equal(value, after)
    # A single fold selects its epoch, so its returned nats are the best validation figure of the history.
    validated = cross_validate(trainer, start, folds[:1], seed=1)
    history, held_out = validated.history, held_out_table(validated)
    characters = sum(len(text) + 1 for text in held_out["text"])
    assert held_out["nats"].sum() / characters == pytest.approx(history["validation_nats"].min(), abs=1e-4)


def test_training_lowers_nats_and_selects_best_epoch(tmp_path: Path) -> None:
    params = PARAMS.model_copy(
        update={"epochs": 25, "dropout": 0.0, "recurrent_dropout": 0.0, "embedding_dropout": 0.0}
    )
    seed_keras(1)
    trainer, starts = initialise(VOCABULARY, NAMES, None, SIZES, params)
    first = text_nats(trainer.network, VOCABULARY, NAMES).sum()
    # The held-out names are training names too, so their cross-entropy keeps falling.
    folds = [Fold("a", NAMES, NAMES[:3]), Fold("b", NAMES, NAMES[3:])]
    fitted = fit(trainer, starts, folds, NAMES, seed=1)
    write_model(fitted.network, VOCABULARY, max_length=9, directory=tmp_path)
    best = int(np.argmin(fitted.history["validation_nats"]))
    assert len(fitted.history) in {params.epochs, best + 1 + params.patience}
    assert name_nats(load_language_model(tmp_path), NAMES).sum() < 0.9 * first


def test_names_in_other_script_start_from_random_weights() -> None:
    words, vocabulary = build(), VOCABULARY
    names = ["ピカチュウ", "ライチュウ", "イーブイ"]
    for texts, taken in ((names, False), (NAMES, True)):
        seed_keras(1)
        trainer, starts = initialise(build_vocabulary(texts), texts, (words, vocabulary), SIZES, PARAMS)
        pretrained = np.array(words.get_layer("gru").get_weights()[1])
        assert np.array_equal(trainer.network.get_layer("gru").get_weights()[1], pretrained) == taken
        assert [start.name for start in starts] == ["pretrained", "random"][not taken :]


def pretrain_on(words: list[str]) -> keras.Model:
    """Train a network with VOCABULARY on words until it has learnt them."""
    trainer, (start,) = initialise(
        VOCABULARY,
        words,
        None,
        SIZES,
        PARAMS.model_copy(update={"dropout": 0.0, "recurrent_dropout": 0.0, "learning_rate": 0.03}),
    )
    trainer.restore(start.state)
    for _ in range(30):
        trainer.train(words, np.random.default_rng(1))
    return trainer.network


@pytest.mark.parametrize(("words", "selected"), [(NAMES, "pretrained"), (["oooooooo", "zzzz"], "random")])
def test_selection_takes_the_initial_weights_that_cross_validation_favours(
    words: list[str], selected: str
) -> None:
    seed_keras(1)
    network = pretrain_on([word for word in words if set(word) <= set(VOCABULARY.characters)])
    trainer, starts = initialise(VOCABULARY, NAMES, (network, VOCABULARY), SIZES, PARAMS)
    folds = [Fold("a", NAMES[:3], NAMES[3:]), Fold("b", NAMES[3:], NAMES[:3])]
    selection = select(trainer, starts, folds, seed=1)
    assert selection.start.name == selection.record["selected"] == selected
    assert selection.record["compared"]
    assert selection.record["gain"]["n"] == len(NAMES)
    better = {True: "pretrained", False: "random"}[selection.record["gain"]["value"] >= 0]
    assert better == selected
    assert len(held_out_table(selection.cross_validation)) == len(NAMES)


def test_trial_of_initial_weights_does_not_change_what_is_trained() -> None:
    fitted = []
    for compared in (False, True):
        seed_keras(1)
        network = pretrain_on(NAMES)
        trainer, starts = initialise(VOCABULARY, NAMES, (network, VOCABULARY), SIZES, PARAMS)
        folds = [Fold("a", NAMES[:3], NAMES[3:]), Fold("b", NAMES[3:], NAMES[:3])]
        result = fit(trainer, starts if compared else starts[:1], folds, NAMES, seed=1)
        assert result.start["selected"] == "pretrained"
        fitted.append(weights(result.network))
    for first, second in zip(*fitted, strict=True):
        np.testing.assert_array_equal(first, second)


def test_wider_network_computes_the_same_as_its_source() -> None:
    source = build()
    wide = build_network(VOCABULARY.size, SIZES.model_copy(update={"units": 11}), DROPOUT)
    transfer_weights(source, VOCABULARY, wide, VOCABULARY)
    inputs, _, _ = pad(encode(VOCABULARY, NAMES))
    np.testing.assert_allclose(np.asarray(wide(inputs)), np.asarray(source(inputs)), atol=1e-5)
    assert np.abs(wide.get_layer("gru").get_weights()[1][:, 7:11]).max() > 0


def test_long_list_is_learnt_by_a_larger_network_from_the_weights_that_a_trial_selects() -> None:
    names = [
        first + second for first in ("mew", "ho", "ivy", "bul", "mime") for second in ("two", "oh", "saur")
    ]
    seed_keras(1)
    words = pretrain_on(names)
    # The held-out names are training names too, so their cross-entropy keeps falling without dropout.
    fold = Fold("validation", names, names[12:])
    no_dropout = {"embedding_dropout": 0, "dropout": 0, "recurrent_dropout": 0}
    long_list = PARAMS.long_list.model_copy(update=no_dropout)
    params = PARAMS.model_copy(update={"long_list": long_list})
    results = []
    for _ in range(2):
        seed_keras(1)
        results.append(fit_long_list(fold, (words, VOCABULARY), SIZES, params, seed=1))
    result, again = results
    assert result.start["compared"]
    assert result.network.get_layer("gru").units == 12
    assert len(result.history) == 30
    assert result.history["validation_nats"].iloc[-1] < result.history["validation_nats"].iloc[0]
    assert list(result.held_out["text"]) == names[12:]
    for first, second in zip(weights(result.network), weights(again.network), strict=True):
        np.testing.assert_array_equal(first, second)


def test_time_of_a_long_list_is_estimated_before_the_trial_and_in_the_first_epoch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "herodex")
    names = [first + second + third for first in NAMES for second in NAMES for third in ("a", "b")]
    long_list = PARAMS.long_list.model_copy(update={"batch_size": 1, "epochs": 1})
    params = PARAMS.model_copy(update={"long_list": long_list})
    seed_keras(1)
    words = pretrain_on(NAMES)
    fit_long_list(Fold("validation", names, names[:5]), (words, VOCABULARY), SIZES, params, seed=1)
    lines = [record.getMessage() for record in caplog.records]
    rough = lines.index("training takes roughly 1 min; an estimate follows")
    trial = next(place for place, line in enumerate(lines) if line.startswith("pretrained weights, epoch 1"))
    measured = lines.index("training takes about 1 min on this machine")
    epoch = next(place for place, line in enumerate(lines) if line.startswith("epoch 1:"))
    assert rough < trial < measured < epoch


def test_cross_validation_says_after_its_first_epoch_how_long_it_takes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "herodex")
    seed_keras(1)
    trainer, starts = initialise(VOCABULARY, NAMES, None, SIZES, PARAMS)
    folds = [Fold("a", NAMES[:3], NAMES[3:]), Fold("b", NAMES[3:], NAMES[:3])]
    cross_validate(trainer, starts[0], folds, 1)
    ours = [record for record in caplog.records if record.name.startswith("herodex")]
    first, bound, *others = [record.getMessage() for record in ours]
    assert first.startswith("random weights, epoch 1:")
    assert re.fullmatch(
        r"an epoch over 2 folds takes about \d+ s; cross-validation ends after 2 epochs without improvement,"
        r" or after 3 epochs \(\d+ min\)",
        bound,
    )
    assert not [line for line in others if line.startswith("an epoch")]
