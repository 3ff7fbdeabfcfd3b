"""A headless Chromium, as benchmarks and tests of the page use it."""

import contextlib
from collections.abc import Generator

from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.chrome.webdriver import WebDriver

from crawlers.browser import HEADLESS, find_browser

SWITCHES = (
    *HEADLESS,
    "--no-sandbox",
    "--hide-scrollbars",
    # A camera that shows a green clock, allowed without a question.
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@contextlib.contextmanager
def started_chromium(*switches: str, timeout_s: float = 60) -> Generator[WebDriver]:
    """Start a headless browser with a fake camera, and end it after the block.

    Args:
        switches: more of them.
        timeout_s: of scripts that answer later.
    """
    browser = find_browser()
    options = Options()
    options.binary_location = str(browser.executable)
    for switch in (*SWITCHES, *switches):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # With its path given, Selenium fetches no driver.
    driver = WebDriver(options, Service(str(browser.driver)))
    driver.set_script_timeout(timeout_s)
    try:
        yield driver
    finally:
        driver.quit()
