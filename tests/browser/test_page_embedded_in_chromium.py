"""The page in a frame of another site's page: only where `serve.embed_origins` allows it."""

import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from every_mode import check_every_mode
from page_in_chromium import Page, violations
from selenium.webdriver.chrome.webdriver import WebDriver
from tiny_service import make_project, serving

AROUND = """<!doctype html><html lang="en"><title>Around</title><main>
<iframe src="{url}/{address}" title="Herodex" width="600" height="400" allow="camera"></iframe></main>
<script>
addEventListener("message", (event) => {{
  if (event.origin === "{url}" && event.data.type === "herodex-height") {{
    document.querySelector("iframe").height = event.data.height;
  }}
}});
</script></html>"""


class Around:
    """A page of another origin, with a frame that shows an address."""

    def __init__(self, port: int) -> None:
        # The same port under another name is another origin.
        self.allowed, self.refused = f"http://127.0.0.1:{port}", f"http://localhost:{port}"
        self.html = ""


@pytest.fixture(scope="module")
def around() -> Iterator[Around]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 204)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            if found:
                self.wfile.write(site.html.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # the parent's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site = Around(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield site
        server.shutdown()


@pytest.fixture(scope="module")
def embeddable(tmp_path_factory: pytest.TempPathFactory, around: Around) -> Iterator[str]:
    """The address of a service that one other origin may embed."""
    with serving(make_project(tmp_path_factory.mktemp("embed"), embed_origins=[around.allowed])) as url:
        yield url


def show(page: Page, around: Around, address: str, origin: str) -> None:
    """Open the page of another origin, with an address of the service in its frame."""
    around.html = AROUND.format(url=page.url, address=address)
    page.driver.get(origin)
    page.driver.switch_to.frame(page.one("iframe"))


@pytest.fixture
def framed(chromium: WebDriver, embeddable: str) -> Iterator[Page]:
    """The page of the service; the browser leaves the frame afterwards."""
    page = Page(chromium, embeddable).open()
    page.browser_errors()
    yield page
    chromium.switch_to.default_content()
    page.browser_errors()


def test_allowed_page_shows_the_classifier_in_a_frame_of_its_height(
    framed: Page, around: Around, cherry: Path, axe: str
) -> None:
    show(framed, around, "?embed", around.allowed)
    framed.wait(lambda: framed.all(".bars li"))
    framed.upload(cherry)
    assert framed.text(".answer") == "Cherry"
    shown = [".masthead", ".history", ".quote", ".code", "footer", ".whole-page", ".recognise"]
    assert [name for name in shown if framed.one(name).is_displayed()] == [".whole-page", ".recognise"]
    assert violations(framed, axe) == []
    link = framed.one(".whole-page a")
    assert (link.get_attribute("href"), link.get_attribute("target")) == (f"{framed.url}/", "_blank")
    height = framed.driver.execute_script("return document.documentElement.getBoundingClientRect().height")
    framed.driver.switch_to.default_content()
    framed.wait(lambda: framed.one("iframe").get_property("clientHeight") == math.ceil(height))
    assert framed.browser_errors() == []


def test_names_in_a_frame_stay_embedded(framed: Page, around: Around) -> None:
    show(framed, around, "names?embed&lang=de", around.allowed)
    framed.wait(lambda: framed.one("#names-form [type=submit]").is_displayed())
    framed.one("#names-form [type=submit]").click()
    framed.wait(lambda: framed.all(".cards li"))
    framed.wait(lambda: "seed=" in framed.driver.execute_script("return location.search"))
    search = framed.driver.execute_script("return location.search")
    assert "embed=" in search
    assert "lang=de" in search
    assert not framed.one(".quote").is_displayed()
    assert framed.one(".whole-page a").get_attribute("href") == f"{framed.url}/names"
    assert framed.browser_errors() == []


@pytest.mark.parametrize("view", ["recognise", "names"])
def test_embedded_view_is_accessible_and_fits_in_every_mode(
    page: Page, cherry: Path, axe: str, view: str
) -> None:
    # In a window of its own, as wide as the frame.
    page.driver.get(f"{page.url}/{'names' if view == 'names' else ''}?embed")
    page.wait(lambda: page.one(f"#{view}").is_displayed() and page.all(".bars li"))
    if view == "recognise":
        page.upload(cherry)
        page.wait(lambda: len(page.all(".neighbours li")) == 3)
    else:
        page.one("#names-form [type=submit]").click()
        page.wait(page.names)
    check_every_mode(page, axe, f"embedded {view}")


def test_code_of_an_embeddable_page_has_the_frame(framed: Page) -> None:
    framed.one(".code summary").click()
    framed.wait(lambda: framed.text(".html code"))
    assert f'src="{framed.url}/?embed"' in framed.text(".html code")
    framed.go("names")
    assert f'src="{framed.url}/names?embed"' in framed.text(".html code")


@pytest.mark.parametrize("address", ["?embed", "", "names?embed"])
def test_pages_of_other_origins_cannot_show_it(framed: Page, around: Around, address: str) -> None:
    show(framed, around, address, around.refused)
    assert framed.all("main") == []
    assert any("frame-ancestors" in error for error in framed.browser_errors())


def test_nobody_can_embed_the_page_by_default(page: Page, around: Around) -> None:
    page.one(".code summary").click()
    assert not page.one(".html").is_displayed()
    show(page, around, "?embed", around.allowed)
    assert page.all("main") == []
    page.driver.switch_to.default_content()
    assert any("frame-ancestors" in error for error in page.browser_errors())
