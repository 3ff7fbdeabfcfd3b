"""Treat MediaWiki's 'not now' as what it is."""

from scrapy import Request
from scrapy.http import Response


class MaxlagMiddleware:
    """Turn MediaWiki's answer that its databases lag behind, which comes as 200 OK, into 503.

    Such an answer is tried again after the time that its Retry-After names, and not kept in the cache
    (https://www.mediawiki.org/wiki/Manual:Maxlag_parameter).
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """Return `response`, with the status 503 if it says so in a header."""
        lags = response.headers.get("MediaWiki-API-Error") == b"maxlag"
        return response.replace(status=503) if lags and response.status == 200 else response
