"""Metrics of all workers on a port of their own, served by the supervising process."""

import os
import socket
import threading
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import WSGIApplication

import prometheus_client
from prometheus_client import CollectorRegistry

from herodex.errors import UserError
from herodex.serving.metrics import LiveWorkers

VARIABLE = "HERODEX_METRICS_PORT"
"""Environment variable that overrides `serve.metrics_port`, for containers."""
FREE_PORT = f"Set {VARIABLE}, or serve.metrics_port in params.yaml, to a free port."
"""What to do if metrics cannot have the port."""
CLIENT_S = 10
"""Longest wait for a client that sends or reads nothing."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """HTTP server with a thread per connection, so that a slow client delays no other."""

    daemon_threads = True

    def server_bind(self) -> None:
        """Listen without looking up the host's name, which takes seconds where there is no DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class MetricsServerV6(MetricsServer):
    """The same for an IPv6 address."""

    address_family = socket.AF_INET6


class QuietHandler(WSGIRequestHandler):
    """Connection with a timeout and without log lines, which would have the client's address."""

    timeout = CLIENT_S

    def log_message(self, *_: Any, **__: Any) -> None:
        """Write nothing."""


def metrics_port(configured: int | None) -> int | None:
    """Return the port for metrics, from the environment or the parameters; None: that of the service.

    Raises:
        UserError: the environment's value is no port number.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return configured
    if not (text.isdecimal() and 0 < int(text) < 2**16):
        raise UserError(
            f"{VARIABLE} is '{text}', which is not a port number.", "Use a number from 1 to 65535."
        )
    return int(text)


def serve_metrics(host: str, port: int, folder: Path) -> MetricsServer:
    """Serve the metrics that workers write to a folder, in threads of this process.

    Raises:
        OSError: the port cannot be used.
    """
    registry = CollectorRegistry()
    LiveWorkers(registry, folder)
    app: WSGIApplication = cast(Any, prometheus_client).make_wsgi_app(registry)
    kind = MetricsServerV6 if ":" in host else MetricsServer
    server = make_server(host, port, app, kind, QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
