from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_service import write_classifier

from herodex.inference.openvino_runtime import Network, compile_network, run_network, running


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """A backbone whose features are mean colours of patches."""
    write_classifier(tmp_path)
    return compile_network(tmp_path / "backbone" / "backbone.xml", "f32", [-1, 64, 64, 3])


def flat(colour: int) -> np.ndarray:
    return np.full((1, 64, 64, 3), colour, np.float32)


def test_what_was_copied_stays_when_the_network_runs_again(network):
    (first,) = run_network(network, flat(10), ["stage_5"])
    run_network(network, flat(200), ["stage_5"])
    assert first == pytest.approx(np.full(first.shape, 10), abs=1e-3)


def test_requests_are_used_again_and_never_by_two_at_once(network):
    with running(network, flat(10)) as one, running(network, flat(200)) as other:
        assert one["stage_5"].mean() == pytest.approx(10, abs=1e-3)
        assert other["stage_5"].mean() == pytest.approx(200, abs=1e-3)
    for colour in range(5):
        run_network(network, flat(colour))
    assert len(network.idle) == 2


def test_a_request_is_free_again_after_an_error(network):
    with pytest.raises(RuntimeError), running(network, np.zeros((1, 2, 2, 3), np.float32)):
        pass
    assert len(network.idle) == 1
    (after,) = run_network(network, flat(7), ["stage_5"])
    assert after.mean() == pytest.approx(7, abs=1e-3)


def test_threads_get_the_answers_to_their_own_questions(network):
    def ask(colour: int) -> float:
        return float(run_network(network, flat(colour), ["stage_5"])[0].mean())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))
    assert answers == pytest.approx(list(range(200)), abs=1e-3)
    assert len(network.idle) <= 8
