"""Which of Scrapy's messages are for people."""

import logging

from scrapy import Request, Spider
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class FailuresToSpider(LogFormatter):
    """Scrapy's messages, but for the traceback of a failed request: the spider says what that means."""

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        """Lower the message to the level of debugging."""
        message = super().download_error(failure, request, spider, errmsg)
        message["level"] = logging.DEBUG
        return message
