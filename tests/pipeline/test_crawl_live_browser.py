"""The browser of a live crawl reaches the public web alone, by no protocol this machine or its networks."""

import socket
import threading
import warnings
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from odd_web import OddWeb, give, running_odd_web
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service

from crawlers.browser import browser_arguments, find_browser
from crawlers.public_proxy import running_public_proxy

PAGE = "page.example.org"
REFUSED = "not an address of the public web"
REQUESTS = """
const [tcp, udp, answer] = arguments;
const hosts = ["127.0.0.1", "localhost", "localhost.", "a.localhost", "[::1]", "127.1", "2130706433",
               "0.0.0.0", "[::ffff:127.0.0.1]", "printer", "metadata.google.internal"];
const tries = [];
for (const host of hosts) {
  tries.push(fetch(`http://${host}:${tcp}/fetch`, {mode: "no-cors"}));
  tries.push(fetch(`http://${host}:${tcp}/post`, {mode: "no-cors", method: "POST", body: "x"}));
  tries.push(fetch(`https://${host}:${tcp}/tls`, {mode: "no-cors"}));
  navigator.sendBeacon(`http://${host}:${tcp}/beacon`, "x");
  for (const [tag, name] of [["script", "src"], ["iframe", "src"], ["link", "href"]]) {
    const attributes = {rel: "stylesheet", [name]: `http://${host}:${tcp}/`};
    const element = Object.assign(document.createElement(tag), attributes);
    document.body.append(element);
  }
  for (const rel of ["dns-prefetch", "preconnect", "prefetch"])
    document.head.append(
      Object.assign(document.createElement("link"), {rel, href: `http://${host}:${tcp}/`}),
    );
  try { new WebSocket(`ws://${host}:${tcp}/`); } catch {}
  try { new EventSource(`http://${host}:${tcp}/`); } catch {}
  try { tries.push(new WebTransport(`https://${host}:${udp}/`).ready); } catch {}
}
const servers = hosts.map((host) => `stun:${host}:${udp}`);
for (const urls of [...servers, `turn:127.0.0.1:${tcp}?transport=tcp`, `turn:127.0.0.1:${udp}`]) {
  try {
    const peer = new RTCPeerConnection({iceServers: [{urls, username: "a", credential: "b"}]});
    peer.createDataChannel("x");
    peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  } catch {}
}
const [one, other] = [new RTCPeerConnection(), new RTCPeerConnection()];
one.createDataChannel("x");
one.createOffer().then(async (offer) => {
  await one.setLocalDescription(offer);
  await other.setRemoteDescription(offer);
  const reply = await other.createAnswer();
  await other.setLocalDescription(reply);
  await one.setRemoteDescription(reply);
  const udpHost = `candidate:1 1 udp 2122260223 127.0.0.1 ${udp} typ host`;
  const tcpHost = `candidate:2 1 tcp 212226022 127.0.0.1 ${tcp} typ host tcptype passive`;
  for (const candidate of [udpHost, tcpHost]) await one.addIceCandidate({candidate, sdpMid: "0"});
}).catch(() => {});
// A listener that does not answer leaves requests open.
setTimeout(() => answer(tries.length), 6000);
"""


class Listener:
    """Sockets on loopback, of both protocols and families, that remember whether anything arrives."""

    def __init__(self) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("0.0.0.0", 0))
        self.tcp_port, self.udp_port = self.tcp.getsockname()[1], self.udp.getsockname()[1]
        self.tcp6 = socket.create_server(("::1", self.tcp_port), family=socket.AF_INET6)
        for each in (self.tcp, self.udp, self.tcp6):
            each.setblocking(False)

    def arrived(self) -> list[str]:
        found: list[str] = []
        for name, receive in (
            ("tcp", self.tcp.accept), ("tcp6", self.tcp6.accept), ("udp", lambda: self.udp.recvfrom(4096))
        ):  # fmt: skip
            try:
                received = receive()
                found.append(name)
                if isinstance(received[0], socket.socket):
                    received[0].close()
            except BlockingIOError:
                pass
        return found

    def close(self) -> None:
        for each in (self.tcp, self.udp, self.tcp6):
            each.close()


@contextmanager
def browsing(arguments: Sequence[str], folder: Path) -> Generator[webdriver.Chrome]:
    """A browser with these arguments."""
    browser = find_browser()
    options = webdriver.ChromeOptions()
    options.binary_location = str(browser.executable)
    for argument in [*arguments, f"--user-data-dir={folder}", "--ignore-certificate-errors"]:
        options.add_argument(argument)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        options.ignore_local_proxy_environment_variables()  # of Selenium itself, as the crawl does
    driver = webdriver.Chrome(service=Service(str(browser.driver)), options=options)
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Generator[OddWeb]:
    """A web that stands behind the proxy of the environment."""
    html = give(200, b"<!doctype html><title>a page</title><p>text", {"Content-Type": "text/html"})
    with running_odd_web(lambda _: {f"http://{PAGE}/": html}) as web:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, web.proxy)
        for name in ("no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield web


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_page_reaches_the_web_but_nothing_of_this_machine(web, tmp_path, scheme):
    with closing(Listener()) as listener, running_public_proxy() as proxy:
        with browsing(browser_arguments("a test", proxy), tmp_path) as driver:
            driver.get(f"{scheme}://{PAGE}/")
            assert driver.title == "a page"
            tries = driver.execute_async_script(REQUESTS, listener.tcp_port, listener.udp_port)
        assert tries >= 33
        assert listener.arrived() == []
    # Nor does another proxy get such requests.
    assert not [
        url for url in web.requests if f":{listener.tcp_port}" in url or f":{listener.udp_port}" in url
    ]


def test_listener_notices_a_browser_without_these_arguments(web, tmp_path):
    arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage"]
    with closing(Listener()) as listener:
        with browsing([*arguments, f"--proxy-server={web.proxy}"], tmp_path) as driver:
            driver.get(f"http://{PAGE}/")
            driver.execute_async_script(REQUESTS, listener.tcp_port, listener.udp_port)
        assert {"tcp", "udp"} <= set(listener.arrived())


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "localhost.", "[::1]", "127.1", "rebound.example.org"]
)
def test_navigation_to_this_machine_is_refused(host, tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def resolve(name: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.0.0.1"] if name.startswith("rebound") else [name]

    with (
        closing(Listener()) as listener,
        running_public_proxy(resolve) as proxy,
        browsing(browser_arguments("a test", proxy), tmp_path) as driver,
    ):
        driver.get(f"http://{host}:{listener.tcp_port}/")
        assert REFUSED in driver.page_source
        with pytest.raises(WebDriverException, match="ERR_TUNNEL_CONNECTION_FAILED"):
            driver.get(f"https://{host}:{listener.tcp_port}/")
        assert listener.arrived() == []


def ask(proxy: str, request: bytes) -> bytes:
    """Send bytes to the proxy and return its answer."""
    host, port = proxy.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(4096):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET http://private.example.org/ HTTP/1.1", b"403"),
        (b"GET http://10.1.2.3/ HTTP/1.1", b"403"),
        (b"POST http://localhost./ HTTP/1.1", b"403"),
        (b"CONNECT private.example.org:443 HTTP/1.1", b"403"),
        (b"CONNECT [::1]:443 HTTP/1.1", b"403"),
        (b"CONNECT [64:ff9b::a00:1]:443 HTTP/1.1", b"403"),
        (b"CONNECT a.example.org:99999 HTTP/1.1", b"400"),
        (b"CONNECT user@a.example.org:443 HTTP/1.1", b"400"),
        (b"GET / HTTP/1.1", b"400"),
        (b"GET file:///etc/passwd HTTP/1.1", b"400"),
        (b"GET http://[ HTTP/1.1", b"400"),
        (b"GET http://unknown.example.org/ HTTP/1.1", b"502"),
        (b"TRACE http://a.example.org/ HTTP/1.1", b"501"),
        (b"POST http://a.example.org/ HTTP/1.1\r\nContent-Length: -1", b"413"),
        (b"POST http://a.example.org/ HTTP/1.1\r\nContent-Length: " + b"9" * 5000, b"413"),
    ],
)
def test_proxy_refuses_other_requests_with_a_status(line, status, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def resolve(name: str, port: int) -> list[str]:
        if name.startswith("unknown"):
            raise OSError
        return ["192.168.1.1"] if name.startswith("private") else [name]

    with running_public_proxy(resolve) as proxy:
        answer = ask(proxy, line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.split()[1] == status


def test_proxy_passes_a_request_on_to_the_checked_address(monkeypatch):
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfine")

        thread = threading.Thread(target=serve)
        thread.start()
        monkeypatch.setattr("crawlers.public_proxy.require_public", lambda address: address)
        with running_public_proxy(lambda _name, _port: ["127.0.0.1"]) as proxy:
            port = server.getsockname()[1]
            line = f"GET http://a.example.org:{port}/b?c=d#e HTTP/1.1\r\n"
            answer = ask(proxy, f"{line}Host: other\r\nProxy-Authorization: x\r\n\r\n".encode())
        thread.join()
    assert answer.endswith(b"\r\n\r\nfine")
    head = asked[0].decode().splitlines()
    assert head[0] == "GET /b?c=d HTTP/1.1"
    assert set(head[1:]) == {f"Host: a.example.org:{port}", "Connection: close", ""}
