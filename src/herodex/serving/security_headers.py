"""Response headers that restrict what browsers do with the page and the API."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.serving import endpoints

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # The preview of a chosen image is a blob that never leaves the page.
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from other hosts, no inline code or style, and text is never parsed as HTML."""

SECURITY_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
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
RESOURCES = ("text/javascript", "text/css", "image/webp", "image/png", "image/jpeg")
"""Types that a browser opens without running or loading anything; SVG may have scripts, so it is none."""


def headers_for(content_type: str) -> dict[str, str]:
    """Return the headers of a response by its content type."""
    return RESOURCE_HEADERS if content_type.partition(";")[0] in RESOURCES else SECURITY_HEADERS


class SecurityHeaders:
    """ASGI middleware that adds security headers to every response and keeps API responses out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(headers_for(headers.get("content-type", "")))
                api = scope["path"].startswith(endpoints.API)
                headers["cache-control"] = "no-store" if api else headers.get("cache-control", "no-cache")
            await send(message)

        await self._app(scope, receive, send_with_headers)
