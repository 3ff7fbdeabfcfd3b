"""A web with arbitrary answers and faults: a proxy for tests."""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import MSG_PEEK
from time import monotonic
from urllib.parse import parse_qsl, urlsplit

from self_signed import server_context

Answer = Callable[[BaseHTTPRequestHandler], None]
Reply = tuple[int, bytes, Mapping[str, str]]
"""A status, a body and headers."""


@dataclass
class OddWeb:
    """A running web: its proxy URL, and the times, user agents and headers of its requests.

    `closed` is set when the web stops.
    """

    proxy: str = ""
    requests: dict[str, list[float]] = field(default_factory=dict)
    user_agents: dict[str, set[str]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Give no answer while the web runs."""
        self.closed.wait()


@contextmanager
def running_odd_web(make_answers: Callable[[OddWeb], Mapping[str, Answer]]) -> Generator[OddWeb]:
    """Serve the answers of `make_answers` by URL through an HTTP proxy on a free port; else 404.

    The answer of a URL also applies to the URL with a query, unless that has its own answer, and to https.
    """
    web = OddWeb()
    answers = make_answers(web)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are sent separately; Nagle's algorithm would delay the body by 40 ms.
        disable_nagle_algorithm = True
        origin = ""

        def do_CONNECT(self) -> None:
            """Answer for the host, for browsers that insist on TLS."""
            self.send_response(200)
            self.end_headers()
            try:
                # Wrapping a reset connection would leave an open socket, so wait for its first byte.
                if not self.connection.recv(1, MSG_PEEK):
                    raise ConnectionResetError
                connection = server_context().wrap_socket(self.connection, server_side=True)
            except OSError:  # the browser has disconnected or rejects the certificate
                self.close_connection = True
                return
            self.connection, self.close_connection = connection, False
            self.rfile, self.wfile = connection.makefile("rb"), connection.makefile("wb")
            self.origin = f"http://{self.path.removesuffix(':443')}"

        def finish(self) -> None:
            with suppress(OSError):  # the client has disconnected
                super().finish()
            self.rfile.close()
            self.connection.close()  # the server closes only the one without TLS

        def do_GET(self) -> None:
            self.path = self.origin + self.path
            web.requests.setdefault(self.path, []).append(monotonic())
            web.headers.append(dict(self.headers))
            web.user_agents.setdefault(self.path, set()).add(self.headers.get("User-Agent", ""))
            without_query = answers.get(self.path.partition("?")[0], give(404, b"nothing here"))
            answers.get(self.path, without_query)(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the parent's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web.proxy = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield web
        finally:
            web.closed.set()
            server.shutdown()
            thread.join()


def give(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with `status` and `body`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def stream(body: bytes) -> Answer:
    """Answer with `body` without a Content-Length."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True


def in_turn(*answers: Answer) -> Answer:
    """Answer each request with the next one of `answers`; the last one is repeated."""
    left = list(answers)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        current = left.pop(0) if len(left) > 1 else left[0]
        current(handler)

    return answer


def by_parameter(name: str, answers: Mapping[str, Answer]) -> Answer:
    """Answer by the value of the URL's query parameter `name`; other values give 404."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        answers.get(parameters_of(handler.path).get(name, ""), give(404, b"nothing here"))(handler)

    return answer


def respond(make: Callable[[dict[str, str]], Reply]) -> Answer:
    """Answer with the reply that `make` returns for the URL's query parameters."""
    return lambda handler: give(*make(parameters_of(handler.path)))(handler)


def parameters_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL; the last one of each name counts."""
    return dict(parse_qsl(urlsplit(url).query))


def search_page(results: list[str], ended: bool = True) -> Answer:
    """Answer with a page of search results, given as the texts of their `data-result`."""
    links = "".join(f'<a class="result" href="#" data-result="{escape(result)}"></a>' for result in results)
    end = '<p id="end"></p>' if ended else ""
    page = f'<!doctype html><meta charset="utf-8"><div id="results">{links}</div>{end}'
    return give(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def result(image: str, **details: str) -> str:
    """Make the `data-result` of an image."""
    return json.dumps({"image": image, **details})
