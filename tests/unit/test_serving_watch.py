import sys
from types import ModuleType

import pytest
from bentoml._internal.utils import circus

from herodex.serving.watch import CHECK_EVERY_S, watch_closely


@pytest.fixture(autouse=True)
def arbiter(monkeypatch: pytest.MonkeyPatch) -> type[circus.Arbiter]:
    """BentoML's own arbiter, which is there again after the test."""
    monkeypatch.setattr(circus, "Arbiter", circus.Arbiter)
    return circus.Arbiter


def test_the_process_that_watches_looks_for_dead_workers_every_second(monkeypatch):
    monkeypatch.setitem(sys.modules, "bentoml_cli.serve", ModuleType("bentoml_cli.serve"))
    watch_closely()
    assert circus.create_standalone_arbiter([]).check_delay == CHECK_EVERY_S


def test_in_a_worker_nothing_is_replaced(monkeypatch, arbiter):
    monkeypatch.delitem(sys.modules, "bentoml_cli.serve", raising=False)
    watch_closely()
    assert circus.Arbiter is arbiter
