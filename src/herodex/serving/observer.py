"""Sees every request go by: gives it an id, counts it, and writes one line about it.

The line has no address of a client, no name of a file, no query and no header: nothing personal.
"""

import logging
import time
import uuid

from opentelemetry import trace
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from herodex.serving import endpoints, metrics

log = logging.getLogger(__name__)

REQUEST_ID = "x-request-id"
CLIENT_LEFT = 499
"""What the log says, as nginx does, where the client went away before there was an answer."""
UNLOGGED = {*endpoints.PROBES, endpoints.METRICS}


class Observer:
    """ASGI middleware that stands outermost, so that it sees refusals and failures too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        state = scope.setdefault("state", {})
        status = CLIENT_LEFT

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        started = time.perf_counter()
        with metrics.IN_PROGRESS.track_inprogress():
            try:
                await self._app(scope, receive, send_noted)
            except Exception:
                log.exception("unexpected failure", extra={"request": request_id})
                if status != CLIENT_LEFT:
                    raise
                await failure(request_id)(scope, receive, send_noted)
        note(scope, status, time.perf_counter() - started, request_id, state.get("refusal"))


def failure(request_id: str) -> JSONResponse:
    """What a client is told where Herodex itself is at fault."""
    hint = f"Try again; whoever runs the service finds the reason in its log under {request_id}."
    return JSONResponse({"error": "The service failed to answer.", "hint": hint}, 500)


def note(scope: Scope, status: int, seconds: float, request_id: str, refusal: str | None) -> None:
    """Count a request, and write its line unless it is a probe."""
    route = endpoints.route_of(scope["path"])
    metrics.REQUESTS.labels(route, status).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(seconds)
    if refusal:
        metrics.REFUSALS.labels(route, refusal).inc()
    if route in UNLOGGED:
        return
    fields = {"request": request_id, "route": route, "status": status, "ms": round(1000 * seconds, 1)}
    if refusal:
        fields["refusal"] = refusal
    span = trace.get_current_span().get_span_context()
    if span.trace_flags.sampled:
        fields["trace_id"] = trace.format_trace_id(span.trace_id)
    log.info("answered", extra=fields)
