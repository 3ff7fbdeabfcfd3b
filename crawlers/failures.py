"""Say in the manifest's words why something could not be had.

Reasons never hold what changes from run to run.
"""

import sqlite3
from http import HTTPStatus

from scrapy.exceptions import (
    CannotResolveHostError,
    CloseSpider,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
    StopDownload,
    UnsupportedURLSchemeError,
)
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError

from crawlers.items import Status
from crawlers.middlewares.browser import BrowserError
from crawlers.middlewares.budget import BudgetSpent
from crawlers.middlewares.public_web import NotPublic
from crawlers.middlewares.robots import RobotsUnreadable

FORBIDDEN = "robots.txt forbids it"

_KNOWN: tuple[tuple[type[BaseException], Status, str], ...] = (
    (BudgetSpent, Status.OVER_BUDGET, "the crawl's budget was spent"),
    (StopDownload, Status.OVER_BUDGET, "the crawl's budget was spent"),
    (NotPublic, Status.REFUSED, "not an address of the public web"),
    (RobotsUnreadable, Status.REFUSED, "the host's robots.txt cannot be read"),
    (NotSupported, Status.REFUSED, "not a web address"),
    (UnsupportedURLSchemeError, Status.REFUSED, "not a web address"),
    (DownloadTimeoutError, Status.TIMEOUT, "no complete answer in time"),
    (ResponseDataLossError, Status.TRUNCATED, "the answer broke off"),
    (DownloadCancelledError, Status.TOO_LARGE, "larger than crawl.max_image_mb"),
)

_NO_CONNECTION = (
    CannotResolveHostError,
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    OSError,
)


def explain_failure(error: BaseException | None) -> tuple[Status, str]:
    """Turn what a request raised into a status and a reason; an error of this program is raised again.

    Raises:
        CloseSpider: the journal could not be written, on a full disk for example.
    """
    assert error
    if isinstance(error, HttpError):
        return Status.HTTP_ERROR, f"it answered {status_words(error.response.status)}"
    if isinstance(error, BrowserError):
        return Status.UNREACHABLE, str(error)
    if isinstance(error, sqlite3.Error):
        raise CloseSpider(f"the journal could not be written: {error}") from error
    for kind, status, reason in _KNOWN:
        if isinstance(error, kind):
            return status, reason
    if isinstance(error, IgnoreRequest):
        # Scrapy has one exception for whatever it will not do, and words to tell them apart.
        if str(error) == "Forbidden by robots.txt":
            return Status.REFUSED, FORBIDDEN
        return Status.HTTP_ERROR, str(error)
    if isinstance(error, _NO_CONNECTION):
        return Status.UNREACHABLE, f"no connection ({type(error).__name__})"
    raise error


def status_words(code: int) -> str:
    """An HTTP status with its name, as in `404 Not Found`."""
    return f"{code} {HTTPStatus(code).phrase}" if code in set(HTTPStatus) else str(code)
