"""Fetch pages in a browser: scrapy-selenium on Selenium 4."""

import asyncio
import os
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

import urllib3
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import HtmlResponse
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy_selenium import SeleniumMiddleware, SeleniumRequest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from twisted.internet.threads import deferToThread

from crawlers.browser import DRIVER_VARIABLE

_LAUNCHER = Path(__file__).with_name("chromedriver.sh")
# Added to the timeout of scripts and pages, so that the driver answers before its client gives up.
_DRIVER_GRACE_S = 20


class BrowserError(Exception):
    """The browser could not start, crashed, or could not load a page."""


class BrowserRequest(SeleniumRequest):
    """A request for the browser that, unlike scrapy-selenium's, keeps its condition when Scrapy copies it."""

    attributes = (*SeleniumRequest.attributes, "wait_time", "wait_until", "screenshot", "script")


class BrowserMiddleware(SeleniumMiddleware):
    """scrapy-selenium's middleware, adapted to Selenium later than 4.9.

    The browser starts with the first page that needs it, loads one page at a time outside of Scrapy's event
    loop, and restarts after an error. Its profile and all its other files are in a temporary folder.
    """

    timeout_s: float

    def __init__(
        self,
        driver_name: str,
        driver_executable_path: str,
        driver_arguments: list[str],
        browser_executable_path: str,
    ) -> None:
        # The parent's __init__ starts the driver immediately, with arguments that Selenium 4.10 removed.
        self.driver_executable_path = driver_executable_path
        self.driver_arguments = driver_arguments
        self.browser_executable_path = browser_executable_path
        self.driver: webdriver.Chrome | None = None
        self.folder: tempfile.TemporaryDirectory[str] | None = None
        self.turn = asyncio.Lock()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the paths, arguments and timeout from the settings."""
        middleware = super().from_crawler(crawler)  # pyright: ignore[reportUnknownMemberType]
        middleware.timeout_s = crawler.settings.getfloat("DOWNLOAD_TIMEOUT")
        return middleware

    async def process_request(self, request: Request) -> HtmlResponse | None:  # pyright: ignore[reportIncompatibleMethodOverride] # as Scrapy calls it since 2.14
        """Answer a `SeleniumRequest` with the browser's page once the request's condition is met.

        Raises:
            BrowserError: the browser could not start, crashed, or did not load the page in time.
        """
        if not isinstance(request, SeleniumRequest):
            return None
        async with self.turn:
            return await maybe_deferred_to_future(deferToThread(self._visit, request))

    def spider_closed(self) -> None:
        """Stop the browser and its driver, if they run, and remove their files."""
        if self.driver:
            # Chromium is in the driver's process group. A normal quit would wait for a browser that hangs.
            with suppress(ProcessLookupError):
                os.killpg(self.driver.service.process.pid, signal.SIGKILL)
            self.driver.service.process.wait()
            self.driver = None
        if self.folder:
            self.folder.cleanup()
            self.folder = None

    def _visit(self, request: SeleniumRequest) -> HtmlResponse | None:
        try:
            self.driver = self.driver or self._start_driver()
            return super().process_request(request, spider=None)  # pyright: ignore[reportUnknownMemberType]
        # A page whose text is no Unicode raises ValueError.
        except (WebDriverException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            self.spider_closed()
            raise BrowserError(explain(error)) from error

    def _start_driver(self) -> webdriver.Chrome:
        # The name is short because Chromium creates a socket there, whose path is limited to 107 characters.
        self.folder = tempfile.TemporaryDirectory(prefix="hx-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = self.browser_executable_path
        options.ignore_local_proxy_environment_variables()
        for argument in [*self.driver_arguments, f"--user-data-dir={self.folder.name}/profile"]:
            options.add_argument(argument)
        service = Service(
            executable_path=str(_LAUNCHER),
            env=os.environ | {"TMPDIR": self.folder.name, DRIVER_VARIABLE: self.driver_executable_path},
            # In its own process group, so that Ctrl-C reaches the crawl only, which then stops the browser.
            popen_kw={"start_new_session": True},
        )
        driver = webdriver.Chrome(service=service, options=options)
        driver.set_page_load_timeout(self.timeout_s)
        driver.set_script_timeout(self.timeout_s)
        assert not isinstance(driver.command_executor, str)
        driver.command_executor.client_config.timeout = self.timeout_s + _DRIVER_GRACE_S
        return driver


def explain(error: Exception) -> str:
    """Describe an error of Selenium, of the page, or of the system in one line."""
    if isinstance(error, WebDriverException):
        return (error.msg or type(error).__name__).partition("\n")[0]
    if isinstance(error, urllib3.exceptions.HTTPError):
        return f"chromedriver crashed or hangs ({type(error).__name__})"
    if isinstance(error, UnicodeError):
        return "the page's text is no Unicode"
    return str(error)
