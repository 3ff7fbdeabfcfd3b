"""Send every request to the demo web."""

from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.httpobj import urlparse_cached

PROXY_SETTING = "DEMO_WEB_PROXY"


class DemoWebMiddleware:
    """Route every request, including those for robots.txt, through the proxy that plays the demo web.

    So no request reaches another network, whatever a page links to. The proxy speaks plain HTTP, so https
    URLs are requested as http. Off without the setting `DEMO_WEB_PROXY`, the proxy's URL.
    """

    def __init__(self, proxy: str) -> None:
        self.proxy = proxy

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Read the proxy from the settings."""
        if not (proxy := crawler.settings.get(PROXY_SETTING)):
            raise NotConfigured
        return cls(proxy)

    def process_request(self, request: Request) -> Request | None:
        """Set the proxy of `request`, or return an https request as http."""
        if urlparse_cached(request).scheme == "https":
            return request.replace(url=f"http{request.url.removeprefix('https')}", dont_filter=True)
        request.meta["proxy"] = self.proxy
        return None
