"""Errors of the API: `{"error": what is wrong, "hint": what to do}` with status 4xx, 503, 504 or 507."""

from typing import Literal

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

Reason = Literal[
    "address",
    "busy",
    "content_type",
    "disk",
    "empty",
    "fields",
    "form",
    "full",
    "headers",
    "method",
    "parts",
    "rate",
    "slow",
    "too_large",
    "too_many_pixels",
    "truncated",
    "unreadable",
    "unsatisfiable",
    "unsupported",
]
"""Why a request was refused; the value of a metric's label."""


class ClientError(Exception):
    """A request that is refused for a reason that its sender can fix."""

    def __init__(
        self, status: int, reason: Reason, error: str, hint: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.reason: Reason = reason
        self.error = error
        self.hint = hint
        self.headers = headers

    def response(self) -> JSONResponse:
        """Create the response; its header names the reason, for programs such as the page."""
        headers = {"x-refusal": self.reason, **(self.headers or {})}
        return JSONResponse({"error": self.error, "hint": self.hint}, self.status, headers)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response and leave the reason in the request's state for the observer."""
        scope.setdefault("state", {})["refusal"] = self.reason
        await self.response()(scope, receive, send)
