"""Longest time until a request's response begins.

BentoML's own limit keeps each request's timer and context for 60 s, also after the response.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.serving.client_error import ClientError


class TimeLimit:
    """ASGI middleware that cancels a request whose response has not begun in time, and answers 504."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on until its time is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        limit = asyncio.timeout(self._seconds)

        async def send_in_time(message: Message) -> None:
            limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self._app(scope, receive, send_in_time)
        except TimeoutError:
            if not limit.expired():
                raise
            problem = f"The request took longer than {self._seconds:g} s."
            await ClientError(504, "busy", problem, "Try again later.").answer(scope, receive, send)
