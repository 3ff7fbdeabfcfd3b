import shutil
from pathlib import Path

import numpy as np
import pytest
from counting_network import write_network

from herodex.errors import UserError
from herodex.generator import language_model
from herodex.generator.language_model import (
    MODEL_FILES,
    load_language_model,
    log_softmax,
    model_hash,
    name_nats,
)
from herodex.generator.vocabulary import build_vocabulary

VOCABULARY = build_vocabulary(["abc"])


def test_name_nats_sum_negative_log_probabilities_of_steps(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    by_step, by_token = rng.normal(size=(4, 5)), rng.normal(size=(5, 5))
    write_network(tmp_path, VOCABULARY, by_step, by_token)
    model = load_language_model(tmp_path)
    # "ba" has the tokens 2, 1 and the stop token, each predicted from the previous one.
    steps = log_softmax(by_step[:3] + by_token[[0, 2, 1]])
    expected = -(steps[0, 2] + steps[1, 1] + steps[2, 0])
    assert name_nats(model, ["ba", "abc"])[0] == pytest.approx(expected, abs=1e-5)


def test_name_nats_do_not_depend_on_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_network(tmp_path, VOCABULARY, np.random.default_rng(1).normal(size=(4, 5)))
    model = load_language_model(tmp_path)
    texts = ["a", "abc", "", "cc", "b?"]
    together = name_nats(model, texts)
    monkeypatch.setattr(language_model, "BATCH", 2)
    np.testing.assert_allclose(name_nats(model, texts), together, atol=1e-9)
    np.testing.assert_allclose([name_nats(model, [text])[0] for text in texts], together, atol=1e-9)


def test_name_nats_do_not_depend_on_a_large_batch(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    write_network(tmp_path, VOCABULARY, rng.normal(size=(4, 5)), rng.normal(size=(5, 5)))
    model = load_language_model(tmp_path)
    texts = ["".join(rng.choice(list("abc"), size=3)) for _ in range(1000)]
    alone = {text: name_nats(model, [text])[0] for text in set(texts)}
    np.testing.assert_allclose(name_nats(model, texts), [alone[text] for text in texts], atol=1e-9)


def test_log_softmax_handles_large_logits() -> None:
    rows = log_softmax(np.array([[1e6, 1e6, -1e6], [0.0, np.log(3), -np.inf]]))
    np.testing.assert_allclose(
        rows, [[-np.log(2), -np.log(2), -2e6 - np.log(2)], [-np.log(4), np.log(3 / 4), -np.inf]], atol=1e-9
    )


@pytest.mark.parametrize("lost", ["gru.xml", "gru.bin", "generator.json"])
def test_loading_names_missing_model_file(tmp_path: Path, lost: str) -> None:
    write_network(tmp_path, VOCABULARY, np.zeros((4, 5)))
    (tmp_path / lost).unlink()
    with pytest.raises(UserError, match=lost):
        load_language_model(tmp_path)


@pytest.mark.parametrize("changed", MODEL_FILES)
def test_model_hash_changes_with_each_file(tmp_path: Path, changed: str) -> None:
    write_network(tmp_path / "a", VOCABULARY, np.zeros((4, 5)))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert model_hash(tmp_path / "a") == model_hash(tmp_path / "b")
    with (tmp_path / "b" / changed).open("ab") as file:
        file.write(b" ")
    assert model_hash(tmp_path / "a") != model_hash(tmp_path / "b")
