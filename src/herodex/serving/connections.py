"""HTTP connections that cannot be held open or made costly by their client."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 500
"""Open connections of a worker; systems allow 1,024 open files by default."""
MAX_LINES = 20_000
"""Line ends in a request's head and chunked body: parsing takes time for each chunk, however short."""
ANSWER_S = 10
"""Time that a request's body may exceed its timeout, so that the API's own refusal comes first."""
WAITING = (h11.IDLE, h11.SEND_BODY)
"""States of a client that has not yet sent its whole request."""


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 connection with a time limit for each request's head and body, and a limit on chunks.

    `request_timeout_s` is the limit for the head; a body may take as long again.
    """

    request_timeout_s = 20.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the time of the first request, or close one connection too many."""
        super().connection_made(transport)
        self._lines = 0
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()
        else:
            self._start_timer(self.request_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the lines of a request, and pass the data on if there are not too many."""
        if self.conn.their_state is h11.IDLE or self._is_chunked():
            self._lines += data.count(b"\n")
        if self._lines > MAX_LINES:
            self.transport.close()
            return
        before = self.conn.their_state
        super().data_received(data)
        if self.conn.their_state not in WAITING:
            self._stop_timer()
            self._lines = 0
        elif before not in WAITING or self._timer is None:
            self._start_timer(self.request_timeout_s)

    def _is_chunked(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and any(
            name == b"transfer-encoding" for name, _ in self.headers
        )

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(seconds, self._close_slow, self.conn.their_state)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _close_slow(self, since: object) -> None:
        """Close a connection whose request has not arrived; give a body that has just begun its own time."""
        if since is h11.IDLE and self.conn.their_state is h11.SEND_BODY:
            self._start_timer(self.request_timeout_s + ANSWER_S)
        elif self.conn.their_state in WAITING:
            self.transport.close()
