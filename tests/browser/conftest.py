"""A headless Chromium for tests of the page, and the page in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_in_chromium import Page
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver
from tiny_service import COLOURS

from crawlers.browser import find_browser
from herodex.npm import Package, fetch_package

AXE = Package("axe-core@4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # A camera that shows a green clock, allowed without a question.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    """One browser for all tests; paths are given so that Selenium fetches nothing."""
    browser = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser.executable)
    for argument in ARGUMENTS:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, Service(str(browser.driver)))
    yield driver
    driver.quit()


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
