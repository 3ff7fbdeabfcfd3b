"""Say in the manifest's words why a picture was not kept."""

from scrapy.exceptions import (
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotSupported,
    ResponseDataLossError,
)
from scrapy.pipelines.media import FileException

from crawlers.items import Status
from crawlers.middlewares.robots import RobotsUnreadable


class NotKept(FileException):
    """A picture was not kept. The reasons never hold what changes from run to run."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


_KNOWN: tuple[tuple[type[BaseException], Status, str], ...] = (
    (RobotsUnreadable, Status.REFUSED, "the host's robots.txt cannot be read"),
    (IgnoreRequest, Status.REFUSED, "robots.txt forbids it"),
    (NotSupported, Status.REFUSED, "not a web address"),
    (DownloadTimeoutError, Status.TIMEOUT, "no complete answer in time"),
    (ResponseDataLossError, Status.TRUNCATED, "the answer broke off"),
    (DownloadCancelledError, Status.TOO_LARGE, "larger than crawl.max_image_mb"),
)


def not_kept(error: BaseException | None) -> NotKept:
    """Turn what a download raised into the manifest's status and reason."""
    if isinstance(error, NotKept):
        return error
    for kind, status, reason in _KNOWN:
        if isinstance(error, kind):
            return NotKept(status, reason)
    return NotKept(Status.UNREACHABLE, f"no connection ({type(error).__name__})")
