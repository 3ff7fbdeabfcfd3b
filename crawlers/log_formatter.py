"""Levels of Scrapy's log messages."""

import logging

from scrapy import Request, Spider
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure


class FailuresToSpider(LogFormatter):
    """Scrapy's messages with failed requests at DEBUG, because the spiders report these themselves."""

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        """Lower the message to DEBUG."""
        message = super().download_error(failure, request, spider, errmsg)
        message["level"] = logging.DEBUG
        return message
