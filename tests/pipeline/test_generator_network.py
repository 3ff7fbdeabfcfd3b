from pathlib import Path

import numpy as np
import pytest

from herodex.generator.language_model import load_language_model, name_nats, read, start
from herodex.generator.network import build_network
from herodex.generator.train import fit, write_model
from herodex.generator.vocabulary import build_vocabulary, encode, pad
from herodex.params import TrainGeneratorParams

# TensorFlow 2.21 does not know an argument that NumPy passes since 2.0.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)

NAMES = ["bulbasaur", "ivysaur", "mew", "mewtwo", "ho-oh", "mr. mime"]
VOCABULARY = build_vocabulary(NAMES)
PARAMS = TrainGeneratorParams(
    embedding=5,
    units=7,
    dropout=0.4,
    recurrent_dropout=0.4,
    learning_rate=0.01,
    batch_size=2,
    epochs=3,
    patience=2,
)


def test_steps_of_the_exported_network_agree_with_the_sequence_in_keras(tmp_path: Path) -> None:
    network = build_network(VOCABULARY.size, PARAMS)
    write_model(network, VOCABULARY, max_length=9, directory=tmp_path)
    inputs, _, _ = pad(encode(VOCABULARY, NAMES))
    expected = np.asarray(network(inputs))
    model = load_language_model(tmp_path)
    request, state = start(model, len(NAMES))
    for step in range(inputs.shape[1]):
        logits, state = read(request, inputs[:, step], state)
        np.testing.assert_allclose(logits, expected[:, step], atol=1e-4)
    assert state.shape == (len(NAMES), 7)
    assert np.ptp(expected, axis=0).max() > 1e-3


def test_the_exported_network_takes_any_number_of_names(tmp_path: Path) -> None:
    write_model(build_network(VOCABULARY.size, PARAMS), VOCABULARY, max_length=9, directory=tmp_path)
    model = load_language_model(tmp_path)
    for count in (1, 15, 1000):
        request, state = start(model, count)
        logits, _ = read(request, np.zeros(count), state)
        assert logits.shape == (count, VOCABULARY.size)


def test_training_makes_known_names_likelier_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    params = PARAMS.model_copy(
        update={"epochs": 15, "patience": 15, "dropout": 0.0, "recurrent_dropout": 0.0}
    )
    network, history = fit(NAMES, ["mewmew", "saur"], VOCABULARY, params, seed=1)
    write_model(network, VOCABULARY, max_length=9, directory=tmp_path)
    model = load_language_model(tmp_path)
    assert history["train_nats"].iloc[-1] < 0.8 * history["train_nats"].iloc[0]
    # The history's best figure is that of the network that came back, so nats mean the same in both.
    best = history["validation_nats"].min()
    assert name_nats(model, ["mewmew", "saur"]).sum() / 12 == pytest.approx(best, abs=1e-4)
