"""What tests of more than one room use."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from quote_api import QuoteApi, running_quote_api
from tiny_service import make_project, serving


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that take long: `pytest -m "not slow"` leaves them out."""
    config.addinivalue_line("markers", "slow: builds a whole environment")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let `make test`, which runs two tests at a time, run those of one file, or of one group, one by one.

    What belongs to a group comes first: it shares something that takes long to make.
    """
    grouped = {item for item in items if item.get_closest_marker("xdist_group")}
    for item in set(items) - grouped:
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: item not in grouped)


@pytest.fixture
def quote_api() -> Iterator[QuoteApi]:
    """A quote API of the test's own."""
    with running_quote_api() as api:
        yield api


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the service, its params and tiny real models."""
    return make_project(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def service(tiny_project: Path) -> Iterator[str]:
    """The address of a running service that no quote API answers."""
    with serving(tiny_project) as url:
        yield url


@pytest.fixture(scope="session")
def client(service: str) -> Iterator[httpx.Client]:
    """A client of that service, patient enough for a busy machine."""
    with httpx.Client(base_url=service, timeout=60) as client:
        yield client
