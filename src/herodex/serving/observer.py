"""Request ids, request metrics and one log line per request.

A log line has no client address, file name, query or header: nothing personal.
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
CLIENT_CLOSED = 499
"""Status in logs and metrics if the client left before the response, as in nginx."""
UNLOGGED = {*endpoints.PROBES, endpoints.METRICS}


class Observer:
    """Outermost ASGI middleware, so that it also sees refusals and failures."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, then count and log its outcome."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        state = scope.setdefault("state", {})
        status = CLIENT_CLOSED

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        started = time.perf_counter()
        try:
            with metrics.IN_PROGRESS.track_inprogress():
                await self._app(scope, receive, send_with_id)
        except Exception:
            log.exception("unexpected failure", extra={"request": request_id})
            begun = status != CLIENT_CLOSED
            status = 500
            if begun:
                # The status has been sent; only a broken connection tells the client.
                raise
            await failure_response(request_id)(scope, receive, send_with_id)
        finally:
            record(scope, status, time.perf_counter() - started, request_id, state.get("refusal"))


def failure_response(request_id: str) -> JSONResponse:
    """Create the response to a request that failed inside the service."""
    hint = f"Try again. If it fails again, give the operator this request id: {request_id}."
    return JSONResponse({"error": "The service failed.", "hint": hint}, 500)


def record(scope: Scope, status: int, seconds: float, request_id: str, refusal: str | None) -> None:
    """Count a request and, unless it is a probe, write its log line."""
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
