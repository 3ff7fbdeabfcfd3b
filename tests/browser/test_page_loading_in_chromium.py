"""Loading the page: few bytes, modules in one round trip, and files from the cache the next time."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from page_in_chromium import Page
from selenium.webdriver.chrome.webdriver import WebDriver
from starlette.applications import Starlette
from starlette.routing import Mount
from tiny_service import COLOURS

from herodex.params import load_params
from herodex.serving.security_headers import SecurityHeaders
from herodex.serving.site import create_site
from scripts.free_port import free_port

MAX_BYTES = 80_000
"""Bytes of a first visit before an image is chosen."""
RESOURCES = """
const wanted = ["name", "startTime", "responseEnd", "transferSize", "decodedBodySize"];
return performance.getEntriesByType("resource").map((entry) =>
  Object.fromEntries(wanted.map((field) => [field, entry[field]])));
"""
OLD_MODULE = """
const done = arguments[0];
import("/static/00000000deadbeef/dom.js").then(({ percent }) => done(percent(1)));
"""


def resources(page: Page, part: str) -> list[dict[str, Any]]:
    """Return the requests of the page to addresses with a part."""
    return [entry for entry in page.driver.execute_script(RESOURCES) if part in entry["name"]]


def transferred(address: str) -> int:
    """Return the bytes of a response, headers included, which browsers' own figures leave out."""
    response = httpx.get(address, headers={"accept-encoding": "gzip, deflate, br"})
    headers = sum(len(name) + len(value) + len(": \r\n") for name, value in response.headers.raw)
    return headers + response.num_bytes_downloaded


@contextlib.contextmanager
def under_prefix(project: Path) -> Iterator[str]:
    """Serve the page of a project under a prefix, as behind a proxy."""
    site = create_site(load_params(project / "params.yaml"), project)
    app = SecurityHeaders(Starlette(routes=[Mount("/tools/herodex", site)]))
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}/tools/herodex"
    finally:
        server.should_exit = True
        thread.join()


def test_first_visit_loads_compressed_files_and_all_modules_in_one_round_trip(page: Page) -> None:
    page.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    page.open()
    files = resources(page, "/static/")
    assert (
        sum(map(transferred, [page.driver.current_url, *(file["name"] for file in resources(page, ""))]))
        < MAX_BYTES
    )
    assert sum(file["transferSize"] for file in files) < 0.7 * sum(file["decodedBodySize"] for file in files)
    modules = [file for file in files if file["name"].endswith(".js")]
    entry = next(module for module in modules if module["name"].endswith("/app.js"))
    # Without preloading, they are found only in the modules that import them.
    assert max(module["startTime"] for module in modules) <= entry["responseEnd"]
    # The page is painted after one stylesheet and filled in after one request, which waits for no module.
    assert [file["name"].rpartition("/")[2] for file in files if ".css" in file["name"]] == ["styles.css"]
    (about,) = resources(page, "/api/about")
    assert about["startTime"] <= entry["responseEnd"]


def test_next_visit_loads_no_file_again(page: Page) -> None:
    page.open()
    files = resources(page, "/static/")
    assert len(files) > 10
    assert sum(file["transferSize"] for file in files) == 0


def test_names_load_no_thumbnails_of_examples(chromium: WebDriver, tiny_project: Path) -> None:
    # On a port of its own, because images that the browser has in memory are never lazy.
    with under_prefix(tiny_project) as url:
        page = Page(chromium, url).open(address="names")
        time.sleep(0.3)
        assert not resources(page, ".webp")
        page.go("recognise")
        page.wait(lambda: len(resources(page, ".webp")) == len(COLOURS))


def test_examples_are_shown_by_their_thumbnails(page: Page) -> None:
    assert not resources(page, "/examples/")
    loaded = "return arguments[0].complete && arguments[0].naturalWidth > 0"
    for image in page.all(".examples img"):
        page.wait(lambda image=image: page.driver.execute_script(loaded, image))
    page.all(".examples button")[0].click()
    page.wait(lambda: page.text(".answer") == "Cherry")
    assert resources(page, "/examples/0-cherry.png")


@pytest.mark.parametrize("address", ["", "names"])
def test_page_works_under_a_prefix(chromium: WebDriver, tiny_project: Path, address: str) -> None:
    with under_prefix(tiny_project) as url:
        page = Page(chromium, url)
        page.browser_errors()
        page.open(address=address)
        found = [entry["name"] for entry in page.driver.execute_script(RESOURCES)]
        assert all(name.startswith(f"{url}/") for name in found)
        assert page.browser_errors() == []


def test_page_tells_its_scripts_how_far_images_are_scaled_down(page: Page, tiny_project: Path) -> None:
    side = load_params(tiny_project / "params.yaml").classifier.clean.max_side
    assert page.one("#recognise").get_attribute("data-max-side") == str(side)


def test_page_loaded_before_an_update_gets_the_files_of_today(page: Page) -> None:
    assert page.driver.execute_async_script(OLD_MODULE) == "100\u00a0%"
