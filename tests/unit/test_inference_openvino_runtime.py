from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_service import write_classifier

from herodex.inference.openvino_runtime import (
    Network,
    borrowed_outputs,
    compile_network,
    has_amx,
    run_network,
)


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """A backbone whose features are mean colours of patches."""
    write_classifier(tmp_path)
    return compile_network(tmp_path / "backbone" / "backbone.xml", "f32", [-1, 64, 64, 3])


def flat(colour: int) -> np.ndarray:
    return np.full((1, 64, 64, 3), colour, np.float32)


def test_copied_outputs_survive_the_next_run(network):
    (first,) = run_network(network, flat(10), ["stage_5"])
    run_network(network, flat(200), ["stage_5"])
    assert first == pytest.approx(np.full(first.shape, 10), abs=1e-3)


def test_requests_are_reused_but_never_shared(network):
    with borrowed_outputs(network, flat(10)) as one, borrowed_outputs(network, flat(200)) as other:
        assert one["stage_5"].mean() == pytest.approx(10, abs=1e-3)
        assert other["stage_5"].mean() == pytest.approx(200, abs=1e-3)
    for colour in range(5):
        run_network(network, flat(colour))
    assert len(network.idle) == 2


def test_a_request_is_idle_again_after_an_error(network):
    with pytest.raises(RuntimeError), borrowed_outputs(network, np.zeros((1, 2, 2, 3), np.float32)):
        pass
    assert len(network.idle) == 1
    (after,) = run_network(network, flat(7), ["stage_5"])
    assert after.mean() == pytest.approx(7, abs=1e-3)


def test_threads_get_their_own_outputs(network):
    def ask(colour: int) -> float:
        return float(run_network(network, flat(colour), ["stage_5"])[0].mean())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(200)))
    assert answers == pytest.approx(list(range(200)), abs=1e-3)
    assert len(network.idle) <= 8


def test_bf16_is_chosen_only_with_amx(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"
    assert not has_amx(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 avx2", encoding="utf-8")
    assert not has_amx(cpuinfo)
    cpuinfo.write_text("flags : avx512_bf16 amx_bf16", encoding="utf-8")
    assert has_amx(cpuinfo)
