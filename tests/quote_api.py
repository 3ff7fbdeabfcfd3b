"""A quote API on a free loopback port whose behaviour tests control."""

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUOTES = [{"q": f"Quote number {number}.", "a": f"Author {number}"} for number in range(1, 6)]


@dataclass
class QuoteApi:
    """Responses of the API and number of requests; `release` ends the wait of a slow one."""

    url: str = ""
    status: int = 200
    body: bytes = field(default_factory=lambda: json.dumps(QUOTES).encode())
    headers: dict[str, str] = field(default_factory=dict)
    slow: bool = False
    asked: int = 0
    release: threading.Event = field(default_factory=threading.Event)


@contextlib.contextmanager
def running_quote_api(tls: ssl.SSLContext | None = None) -> Iterator[QuoteApi]:
    """Run a QuoteApi until the block ends, over HTTPS with a `tls` context."""
    api = QuoteApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked += 1
            if api.slow:
                api.release.wait(timeout=30)
            with contextlib.suppress(OSError):
                self.send_response(api.status)
                for name, value in {"content-type": "application/json", **api.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(api.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    api.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}/quotes"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield api
    finally:
        api.release.set()
        server.shutdown()
        thread.join()
        server.server_close()
