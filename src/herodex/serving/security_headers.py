"""Response headers that restrict what browsers do with the page and the API."""

from collections.abc import Mapping, Sequence

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.serving import endpoints

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # The preview of a chosen image is a blob that never leaves the page.
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors {ancestors}",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from other hosts, no inline code or style, and text is never parsed as HTML."""

SECURITY_HEADERS = {
    "content-security-policy": POLICY.format(ancestors="'none'"),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


RESOURCE_HEADERS = {
    name: SECURITY_HEADERS[name] for name in ("cross-origin-resource-policy", "x-content-type-options")
}
"""Headers that matter on what is never a document; with the others, they are a third of a first visit."""
PAGE = "text/html"
RESOURCES = ("text/javascript", "text/css", "image/webp", "image/png", "image/jpeg")
"""Types that a browser opens without running or loading anything; SVG may have scripts, so it is none."""


def page_headers(embed_origins: Sequence[str]) -> Mapping[str, str]:
    """Return the headers of the page, which pages of other origins may show in a frame.

    Args:
        embed_origins: These origins.
    """
    if not embed_origins:
        return SECURITY_HEADERS
    # X-Frame-Options knows no list of origins, and browsers that know the policy do not need it.
    shared = {name: value for name, value in SECURITY_HEADERS.items() if name != "x-frame-options"}
    return shared | {"content-security-policy": POLICY.format(ancestors=" ".join(embed_origins))}


class SecurityHeaders:
    """ASGI middleware that adds security headers to every response and keeps API responses out of caches.

    Args:
        app: The application.
        embed_origins: Origins whose pages may show the page in a frame.
    """

    def __init__(self, app: ASGIApp, embed_origins: Sequence[str] = ()) -> None:
        self._app = app
        self._special = {**dict.fromkeys(RESOURCES, RESOURCE_HEADERS), PAGE: page_headers(embed_origins)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                content_type = headers.get("content-type", "").partition(";")[0]
                headers.update(self._special.get(content_type, SECURITY_HEADERS))
                api = scope["path"].startswith(endpoints.API)
                headers["cache-control"] = "no-store" if api else headers.get("cache-control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers)
