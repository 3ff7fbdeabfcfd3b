"""A proxy on loopback through which the browser of a live crawl reaches the public web alone.

A browser has many ways to request an address, and resolves names itself. Through this proxy, each name is
resolved once, each of its addresses is checked, and the connection goes to a checked address. Proxies that
the environment names are used for what they are meant for; these resolve names themselves.
"""

import base64
import selectors
import socket
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from crawlers.middlewares.public_web import NotPublic, require_public, require_public_host
from crawlers.web_address import is_web_address

Resolve = Callable[[str, int], Sequence[str]]
"""Return the IP addresses of a name."""

_CONNECT_TIMEOUT_S = 20
_IDLE_TIMEOUT_S = 120
_LONGEST_BODY = 10_000_000
_CHUNK = 65_536
_COMMANDS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "upgrade")
)


class RefusedError(Exception):
    """A request that the proxy does not forward: the status, and the reason for people."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class PublicProxy(ThreadingHTTPServer):
    """An HTTP proxy on a free loopback port."""

    daemon_threads = True

    def __init__(self, resolve: Resolve) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.resolve = resolve

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of a connection: the browser sees that it ended."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_TIMEOUT_S
    server: PublicProxy  # pyright: ignore[reportIncompatibleVariableOverride] # the parent's type is wider

    def do_CONNECT(self) -> None:
        """Open a tunnel, for https and WebSockets."""
        try:
            target = _address(f"https://{self.path.partition('/')[0]}")
            proxy = _proxy_of("https", target)
            with _connect(proxy or target, proxy is None, self.server.resolve) as remote:
                if proxy:
                    head = {"Host": target.netloc, **_authorization(proxy)}
                    remote.sendall(_head(f"CONNECT {target.netloc} HTTP/1.1", head))
                else:
                    self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._relay(remote)
        except RefusedError as error:
            self._refuse(error)

    def _forward(self) -> None:
        try:
            target = _address(self.path)
            body = self._body()
            proxy = _proxy_of("http", target)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            headers |= {
                "Host": target.netloc,
                "Connection": "close",
                **(_authorization(proxy) if proxy else {}),
            }
            path = self.path if proxy else target._replace(scheme="", netloc="", fragment="").geturl() or "/"
            with _connect(proxy or target, proxy is None, self.server.resolve) as remote:
                remote.sendall(_head(f"{self.command} {path} HTTP/1.1", headers) + body)
                self._relay(remote)
        except RefusedError as error:
            self._refuse(error)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # the parent's name
        """Log nothing."""

    def __getattr__(self, name: str) -> Any:
        # `http.server` looks up a method for each command.
        if name in {f"do_{command}" for command in _COMMANDS}:
            return self._forward
        raise AttributeError(name)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdecimal() and len(length) < 9) or int(length) > _LONGEST_BODY:
            raise RefusedError(413, "the body is too long")
        return self.rfile.read(int(length))

    def _refuse(self, error: RefusedError) -> None:
        self.send_error(error.status, error.reason)
        self.close_connection = True

    def _relay(self, remote: socket.socket) -> None:
        """Copy bytes in both directions until one side closes the connection or both are idle."""
        self.close_connection = True
        with suppress(OSError), selectors.DefaultSelector() as ready:
            other = {self.connection: remote, remote: self.connection}
            for each in other:
                ready.register(each, selectors.EVENT_READ)
            while events := ready.select(_IDLE_TIMEOUT_S):
                for key, _ in events:
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    if not (data := source.recv(_CHUNK)):
                        return
                    other[source].sendall(data)


def _address(url: str) -> SplitResult:
    """Parse the address of a request.

    Raises:
        RefusedError: it is none, or not of the public web.
    """
    if not is_web_address(url):
        raise RefusedError(400, "not a web address")
    parts = urlsplit(url)
    try:
        require_public_host(parts.hostname or "")
    except NotPublic:
        raise RefusedError(403, "not an address of the public web") from None
    return parts


def _proxy_of(scheme: str, target: SplitResult) -> SplitResult | None:
    url = getproxies().get(scheme)
    if not url or proxy_bypass(target.hostname or ""):
        return None
    proxy = urlsplit(url if "//" in url else f"http://{url}")
    if proxy.scheme != "http":
        raise RefusedError(502, f"the environment names a proxy for {scheme} that does not speak plain HTTP")
    return proxy


def _connect(target: SplitResult, public: bool, resolve: Resolve) -> socket.socket:
    """Connect to a host, whose addresses all have to be public if `public`.

    Raises:
        RefusedError: an address is not public, or none answers.
    """
    port = target.port or (443 if target.scheme == "https" and public else 80)
    host = target.hostname or ""
    try:
        addresses = resolve(host, port)
        if public:
            addresses = [require_public(address) for address in addresses]
    except NotPublic:
        raise RefusedError(403, "not an address of the public web") from None
    except (OSError, UnicodeError):
        raise RefusedError(502, "no such host") from None
    for address in addresses:
        with suppress(OSError):
            connection = socket.create_connection((address, port), _CONNECT_TIMEOUT_S)
            connection.settimeout(_IDLE_TIMEOUT_S)
            return connection
    raise RefusedError(502, "the host does not answer")


def resolve_name(host: str, port: int) -> list[str]:
    """Return the IP addresses of a name or of a literal address, without repeats.

    Raises:
        OSError: there are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


def _head(line: str, headers: Mapping[str, str]) -> bytes:
    lines = [line, *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")


@contextmanager
def running_public_proxy(resolve: Resolve = resolve_name) -> Generator[str]:
    """Run the proxy in threads of this process and yield its URL."""
    with PublicProxy(resolve) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
