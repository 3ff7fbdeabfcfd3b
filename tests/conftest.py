"""Fixtures and scheduling shared by all tests."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import hypothesis
import pytest
from quote_api import QuoteApi, running_quote_api
from tiny_service import make_project, serving
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from herodex.serving import shared_storage

SLOWEST = (
    "test_lineage.py",
    "test_feedback_loop.py",
    "test_crawl_resume.py",
    "test_generator_stages.py",
    "test_classifier_stages.py",
    "test_whole_pipeline.py",
    "test_sharing.py",
    "test_cleaning_against_truth.py",
    "test_model_behaviour.py",
)
"""Files that run first, in this order. The first one runs the pipeline that some of the others copy."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of slow tests, which `pytest -m "not slow"` omits; let examples take any time.

    Processes inherit an ignored Ctrl-C from the background job of a shell, and would not end at one.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "slow: builds a whole environment")
    hypothesis.settings.register_profile("any time", deadline=None)
    hypothesis.settings.load_profile("any time")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Schedule the processes of `make test`: all tests of a file run in one of them."""
    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first, so that none is left at the end."""
    place = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.fixture(autouse=True)
def enabled_loggers() -> Iterator[None]:
    """Enable all loggers after a test: BentoML disables them when it sets up its own."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture
def outages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Warnings about Redis, taken before the configuration of logs, which other tests change."""
    lines: list[str] = []
    monkeypatch.setattr(shared_storage.log, "warning", lambda text, *values: lines.append(text % values))
    return lines


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
