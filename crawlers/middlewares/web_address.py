"""Refuse requests of anything but web addresses, including redirects to it."""

from scrapy import Request
from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from crawlers.malformed import MALFORMED
from crawlers.web_address import is_web_address


class NotWebAddress(IgnoreRequest):
    """The address of a request, or of a redirect, is no web address."""


class WebAddressMiddleware:
    """The first middleware: those after it and the downloader can rely on a valid URL."""

    def process_request(self, request: Request) -> None:
        """Let `request` pass if its URL is a web address.

        Raises:
            NotWebAddress: it is not.
        """
        if not is_web_address(request.url):
            redirected = "redirect_times" in request.meta
            raise NotWebAddress("it redirects to no web address" if redirected else "not a web address")


class CheckedRedirectMiddleware(RedirectMiddleware):
    """Scrapy's middleware for redirects that refuses a Location that is no address."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # pyright: ignore[reportIncompatibleMethodOverride] # as Scrapy calls it since 2.14
        """Return `response`, or the request of the address that it redirects to.

        Raises:
            IgnoreRequest: there are too many redirects, or the address is none.
        """
        try:
            return super().process_response(request, response)
        except MALFORMED:
            raise NotWebAddress("it redirects to no web address") from None


class CheckedMetaRefreshMiddleware(MetaRefreshMiddleware):
    """Scrapy's middleware for redirects by HTML that leaves a page as it is if its redirect is unreadable."""

    def process_response(self, request: Request, response: Response) -> Request | Response:  # pyright: ignore[reportIncompatibleMethodOverride] # as Scrapy calls it since 2.14
        """Return `response`, or the request of the address that it redirects to.

        Raises:
            IgnoreRequest: there are too many redirects.
        """
        try:
            return super().process_response(request, response)
        except MALFORMED:
            return response
