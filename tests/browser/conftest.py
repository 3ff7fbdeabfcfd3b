"""A headless Chromium for tests of the page, and the page in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_in_chromium import Page
from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver
from tiny_service import COLOURS

from benchmarks.chromium import started_chromium
from herodex.npm import Package, fetch_package

AXE = Package("axe-core@4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")


@pytest.fixture(scope="session")
def chromium() -> Iterator[WebDriver]:
    """One browser for all tests."""
    with started_chromium() as driver:
        yield driver


@pytest.fixture
def page(chromium: WebDriver, service: str) -> Iterator[Page]:
    """The opened page; fails if the browser reports an error."""
    page = Page(chromium, service)
    page.browser_errors()  # discards errors of earlier tests
    page.open()
    yield page
    assert page.browser_errors() == []


@pytest.fixture
def offline_page(chromium: WebDriver, service: str) -> Iterator[Page]:
    """The page in a browser whose requests can be blocked."""
    chromium.execute_cdp_cmd("Network.enable", {})
    page = Page(chromium, service).open()
    yield page
    chromium.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    page.browser_errors()


@pytest.fixture(scope="session")
def axe() -> str:
    """Source of the accessibility checker axe-core."""
    return fetch_package(AXE)["package/axe.min.js"].decode()


@pytest.fixture
def cherry(tmp_path: Path) -> Path:
    """An image of the first class."""
    file = tmp_path / "cherry.png"
    Image.new("RGB", (160, 120), COLOURS["cherry"]).save(file)
    return file
