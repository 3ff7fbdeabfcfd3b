"""A web that does what the demo web never does: a proxy for tests, with answers made to measure."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
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
    """A running web: its proxy URL, when each URL was asked for, by whom, and what `hang` waits for.

    `headers` holds those of every request, in their order.
    """

    proxy: str = ""
    requests: dict[str, list[float]] = field(default_factory=dict)
    user_agents: dict[str, set[str]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer nothing as long as the web runs."""
        self.closed.wait()


@contextmanager
def running_odd_web(make_answers: Callable[[OddWeb], Mapping[str, Answer]]) -> Iterator[OddWeb]:
    """Serve, through an HTTP proxy on a free port, the answers that `make_answers` maps to URLs; else 404.

    An answer to a URL is also one to the same URL with a query, if that has none of its own, and to the same
    URL with https.
    """
    web = OddWeb()
    answers = make_answers(web)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are sent one by one; the body would wait 40 ms for the head's receipt.
        disable_nagle_algorithm = True
        origin = ""

        def do_CONNECT(self) -> None:
            """Play the host itself, to a browser that insists on TLS."""
            self.send_response(200)
            self.end_headers()
            try:
                # Wrapping a connection that was reset would leave an open socket behind: let it greet first.
                if not self.connection.recv(1, MSG_PEEK):
                    raise ConnectionResetError
                connection = server_context().wrap_socket(self.connection, server_side=True)
            except OSError:  # the browser is gone, or does not like the certificate
                self.close_connection = True
                return
            self.connection, self.close_connection = connection, False
            self.rfile, self.wfile = connection.makefile("rb"), connection.makefile("wb")
            self.origin = f"http://{self.path.removesuffix(':443')}"

        def finish(self) -> None:
            with suppress(OSError):  # whoever asked is gone
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
    """Answer with `body` and do not say beforehand how long it is."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def in_turn(*answers: Answer) -> Answer:
    """Answer the first request with the first of `answers`, and so on; the last one stays."""
    left = list(answers)
    return lambda handler: (left.pop(0) if len(left) > 1 else left[0])(handler)


def by_parameter(name: str, answers: Mapping[str, Answer]) -> Answer:
    """Answer as `answers` says for the value that the query of the URL has for `name`; else 404."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        answers.get(parameters_of(handler.path).get(name, ""), give(404, b"nothing here"))(handler)

    return answer


def respond(make: Callable[[dict[str, str]], Reply]) -> Answer:
    """Answer as `make` does to the parameters in the query of the URL."""
    return lambda handler: give(*make(parameters_of(handler.path)))(handler)


def parameters_of(url: str) -> dict[str, str]:
    """The parameters in the query of a URL; the last one of a name counts."""
    return dict(parse_qsl(urlsplit(url).query))


def search_page(results: list[str], ended: bool = True) -> Answer:
    """Answer with a page of search results, each of them the text of its `data-result`."""
    links = "".join(f'<a class="result" href="#" data-result="{escape(result)}"></a>' for result in results)
    end = '<p id="end"></p>' if ended else ""
    page = f'<!doctype html><meta charset="utf-8"><div id="results">{links}</div>{end}'
    return give(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def result(image: str, **details: str) -> str:
    """Make the `data-result` of an image."""
    return json.dumps({"image": image, **details})
