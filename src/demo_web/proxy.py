"""The demo web's HTTP server: a proxy that answers for all its hosts."""

import logging
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from demo_web.site import Answer, Site, answer

log = logging.getLogger(__name__)


class Proxy(ThreadingHTTPServer):
    """An HTTP proxy on a free loopback port that serves a site and remembers the requested URLs."""

    daemon_threads = True

    def __init__(self, site: Site) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site = site
        self._asked: set[str] = set()
        self._lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report errors except for lost connections, for example of a killed client."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def answer(self, url: str) -> Answer:
        """Answer a GET of `url`."""
        return answer(self.site, url, self.is_first_time(url))

    def is_first_time(self, url: str) -> bool:
        """Tell whether `url` is requested for the first time, and remember it."""
        with self._lock:
            first = url not in self._asked
            self._asked.add(url)
            return first


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "herodex-demo-web"
    sys_version = ""
    # Headers and body are sent together and immediately: Nagle's algorithm would delay small answers by 40
    # ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        self._send(self._proxy.answer(self.path))

    def do_HEAD(self) -> None:
        self._send(answer(self._proxy.site, self.path, first_time=False))

    def do_CONNECT(self) -> None:
        self.send_error(502, "The demo web speaks plain HTTP only")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        log.debug(format, *args)

    @property
    def _proxy(self) -> Proxy:
        assert isinstance(self.server, Proxy)
        return self.server

    def _send(self, reply: Answer) -> None:
        time.sleep(reply.delay_s)
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if reply.cut:
            self.close_connection = True
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.cut else reply.body)
