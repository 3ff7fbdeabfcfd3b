"""Retry when MediaWiki's databases lag."""

from scrapy import Request
from scrapy.http import Response


class MaxlagMiddleware:
    """Turn MediaWiki's maxlag error, which has the status 200, into 503.

    So Scrapy retries it after its Retry-After and does not cache it
    (https://www.mediawiki.org/wiki/Manual:Maxlag_parameter).
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """Return `response`, with the status 503 if its header names the maxlag error."""
        lags = response.headers.get("MediaWiki-API-Error") == b"maxlag"
        return response.replace(status=503) if lags and response.status == 200 else response
