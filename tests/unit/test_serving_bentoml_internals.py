import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import bentoml
import pytest
from bentoml._internal.utils import circus

from herodex.serving.bentoml_internals import (
    CHECK_EVERY_S,
    COMMAND,
    add_middleware,
    supervise_workers,
)

TOLD_WHILE_REPLACING = """
import asyncio, os, signal, sys
from types import ModuleType
from bentoml._internal.utils import circus
from circus.watcher import Watcher
from herodex.serving.bentoml_internals import COMMAND, supervise_workers

sys.modules[COMMAND] = ModuleType(COMMAND)
supervise_workers()
worker = Watcher("worker", "sleep", args=["60"])
supervisor = circus.create_standalone_arbiter([worker])
replace, signals = worker.manage_processes, [signal.SIGTERM]

async def replace_slowly():
    while signals:
        print("replacing", flush=True)
        os.kill(os.getpid(), signals.pop())
        await asyncio.sleep(0.05)
    await replace()

worker.manage_processes = replace_slowly
supervisor.loop.call_later(20, supervisor.loop.stop)
supervisor.start()
print("stopped" if worker.is_stopped() else "running")
"""


@pytest.fixture(autouse=True)
def arbiter(monkeypatch: pytest.MonkeyPatch) -> type[circus.Arbiter]:
    """BentoML's own arbiter, restored after the test."""
    monkeypatch.setattr(circus, "Arbiter", circus.Arbiter)
    return circus.Arbiter


def test_supervisor_looks_for_dead_workers_every_second(monkeypatch):
    monkeypatch.setitem(sys.modules, COMMAND, ModuleType(COMMAND))
    supervise_workers()
    assert circus.create_standalone_arbiter([]).check_delay == CHECK_EVERY_S


def test_supervisor_that_is_told_to_stop_while_it_replaces_a_worker_stops_afterwards():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TOLD_WHILE_REPLACING],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "replacing\nstopped\n", done.stdout + done.stderr
    assert done.returncode == 0


def test_nothing_is_replaced_in_a_worker(monkeypatch, arbiter):
    monkeypatch.delitem(sys.modules, COMMAND, raising=False)
    supervise_workers()
    assert circus.Arbiter is arbiter


def test_bentoml_still_has_the_command_module_by_which_the_supervisor_is_recognised():
    assert importlib.util.find_spec(COMMAND)


def test_bentoml_still_imports_its_arbiter_only_when_it_serves():
    source = Path(bentoml.__file__).parents[1].joinpath("_bentoml_impl/server/serving.py").read_text()
    assert "import create_standalone_arbiter" in source


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # raised while BentoML is imported
def test_middleware_is_called_in_the_order_in_which_it_was_added():
    @bentoml.service
    class Empty:
        pass

    class First:
        pass

    class Second:
        pass

    add_middleware(Empty, First)
    add_middleware(Empty, Second, size=3)
    assert Empty.middlewares == [(First, {}), (Second, {"size": 3})]
