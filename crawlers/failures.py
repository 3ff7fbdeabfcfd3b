"""Map failed requests to a status and a reason for the manifest.

Reasons contain nothing that changes from run to run.
"""

import logging
import sqlite3
import traceback
from http import HTTPStatus
from typing import cast

from scrapy import Request
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
from twisted.python.failure import Failure

from crawlers.items import Status
from crawlers.middlewares.browser import BrowserError
from crawlers.middlewares.budget import BudgetSpent
from crawlers.middlewares.forgotten import ForgottenAddress
from crawlers.middlewares.public_web import NotPublic
from crawlers.middlewares.robots import RobotsUnanswered, RobotsUnreadable
from crawlers.middlewares.silent_hosts import HostGivenUp
from crawlers.middlewares.web_address import NotWebAddress
from crawlers.page_text import one_line

log = logging.getLogger(__name__)

FORBIDDEN = "robots.txt forbids it"
FORGOTTEN = "withdrawn: data/forgotten.csv has it"

_KNOWN: tuple[tuple[type[BaseException], Status, str], ...] = (
    (BudgetSpent, Status.OVER_BUDGET, "the crawl's budget was spent"),
    (StopDownload, Status.OVER_BUDGET, "the crawl's budget was spent"),
    (BrowserError, Status.UNREACHABLE, ""),
    (ForgottenAddress, Status.FORGOTTEN, FORGOTTEN),
    (HostGivenUp, Status.UNREACHABLE, ""),
    (NotWebAddress, Status.REFUSED, ""),
    (NotPublic, Status.REFUSED, "not an address of the public web"),
    (RobotsUnreadable, Status.REFUSED, "the host's robots.txt cannot be read"),
    (NotSupported, Status.REFUSED, "not a web address"),
    (UnsupportedURLSchemeError, Status.REFUSED, "not a web address"),
    (DownloadTimeoutError, Status.TIMEOUT, "no complete answer in time"),
    (ResponseDataLossError, Status.TRUNCATED, "the answer broke off"),
    (DownloadCancelledError, Status.TOO_LARGE, "larger than crawl.max_image_mb"),
    (IgnoreRequest, Status.HTTP_ERROR, ""),
)
"""Exceptions with their status and reason; without a reason, the exception's message is the reason."""

_NO_CONNECTION = (
    CannotResolveHostError,
    ConnectError,
    ConnectionClosed,
    DNSLookupError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    OSError,
)

_OF_THIS_PROGRAM = (AssertionError, AttributeError, CloseSpider, ImportError, NameError)


def request_of(failure: Failure) -> Request:
    """Return the request that failed, which Scrapy attaches to the failure."""
    return cast("Request", failure.request)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def error_of(failure: Failure) -> BaseException:
    """Return the exception of a failure."""
    return cast("BaseException", failure.value)  # pyright: ignore[reportUnknownMemberType]


def explain_failure(error: BaseException) -> tuple[Status, str]:
    """Map the exception of a request to a status and a reason.

    An exception that is not expected ends only its own request, because an address, a header or a page may
    have caused it, and would end each continued crawl again. It is logged with its traceback. Only mistakes
    of this program are raised again.

    Raises:
        CloseSpider: the journal could not be written, for example on a full disk.
    """
    if isinstance(error, HttpError):
        return Status.HTTP_ERROR, f"it answered {status_words(error.response.status)}"
    if isinstance(error, sqlite3.Error):
        raise CloseSpider(f"the journal could not be written: {error}") from error
    # Scrapy raises one exception for everything that it skips; only the message differs.
    if isinstance(error, IgnoreRequest) and str(error) == "Forbidden by robots.txt":
        return Status.REFUSED, FORBIDDEN
    for kind, status, reason in _KNOWN:
        if isinstance(error, kind):
            return status, reason or one_line(str(error))
    if isinstance(error, _NO_CONNECTION):
        return Status.UNREACHABLE, f"no connection ({type(error).__name__})"
    if isinstance(error, _OF_THIS_PROGRAM) or not isinstance(error, Exception):
        raise error
    # A lone surrogate of an address cannot be written to a log in UTF-8.
    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()
    log.warning("a request failed unexpectedly:\n%s", text)
    return Status.HTTP_ERROR, f"its answer cannot be read ({type(error).__name__})"


def gave_answer(error: BaseException, status: Status) -> bool | None:
    """Tell whether the host of a failed request answered; None if it was not asked."""
    if isinstance(error, HostGivenUp):
        return None
    if isinstance(error, RobotsUnanswered) or status in (Status.UNREACHABLE, Status.TIMEOUT):
        return False
    return True if status in (Status.HTTP_ERROR, Status.TRUNCATED, Status.TOO_LARGE) else None


def status_words(code: int) -> str:
    """Return an HTTP status with its name, as in `404 Not Found`."""
    return f"{code} {HTTPStatus(code).phrase}" if code in set(HTTPStatus) else str(code)
