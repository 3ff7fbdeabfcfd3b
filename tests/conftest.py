"""Fixtures and scheduling shared by all tests."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from quote_api import QuoteApi, running_quote_api
from tiny_service import make_project, serving
from xdist.scheduler import LoadFileScheduling

SHARE_A_PROJECT = (
    "test_data.py",
    "test_lineage.py",
    "test_model_behaviour.py",
    "test_sharing.py",
    "test_whole_pipeline.py",
)
"""Files whose tests share the `project` fixture, in which the pipeline has run."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of slow tests, which `pytest -m "not slow"` omits; let examples take any time."""
    config.addinivalue_line("markers", "slow: builds a whole environment")
    hypothesis.settings.register_profile("any time", deadline=None)
    hypothesis.settings.load_profile("any time")


class Scheduling(LoadFileScheduling):
    """Scheduling by file that runs all tests of the shared project in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "project" if Path(file).name in SHARE_A_PROJECT else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Schedule the two processes of `make test`."""
    return Scheduling(config, log)  # pyright: ignore[reportArgumentType]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first, so that none is left at the end."""
    items.sort(key=lambda item: item.path.name not in SHARE_A_PROJECT)


@pytest.fixture
def quote_api() -> Iterator[QuoteApi]:
    """A running quote API."""
    with running_quote_api() as api:
        yield api


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the service, its parameters and tiny real models."""
    return make_project(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def service(tiny_project: Path) -> Iterator[str]:
    """The address of a running service whose quote APIs are down."""
    with serving(tiny_project) as url:
        yield url


@pytest.fixture(scope="session")
def client(service: str) -> Iterator[httpx.Client]:
    """A client of that service with a timeout for busy machines."""
    with httpx.Client(base_url=service, timeout=60) as client:
        yield client
